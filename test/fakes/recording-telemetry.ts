import type { AuditOutcome } from "../../src/ports/audit-trail.ts";
import type { LogBatchEvent, RequestEvent, SignerEvent, Telemetry, WitnessEvent } from "../../src/ports/telemetry.ts";

/** Telemetry that keeps everything it is told, in order. */
export interface RecordingTelemetry extends Telemetry {
  readonly requests: readonly RequestEvent[];
  readonly issuances: readonly { readonly outcome: AuditOutcome; readonly durationMs: number }[];
  readonly unrecordedOutcomes: number;
  readonly logBatches: readonly LogBatchEvent[];
  readonly signerEvents: readonly SignerEvent[];
  readonly witnessAnswers: readonly WitnessEvent[];
  readonly witnessQuorums: readonly { readonly shard: string; readonly treeSize: number }[];
  readonly notices: readonly {
    readonly level: "info" | "warn" | "error";
    readonly message: string;
    readonly fields: Readonly<Record<string, string | number | boolean>>;
  }[];
}

/** Makes one that was told nothing yet. */
export function makeRecordingTelemetry(): RecordingTelemetry {
  const requests: RequestEvent[] = [];
  const issuances: { outcome: AuditOutcome; durationMs: number }[] = [];
  const logBatches: LogBatchEvent[] = [];
  const signerEvents: SignerEvent[] = [];
  const witnessAnswers: WitnessEvent[] = [];
  const witnessQuorums: { shard: string; treeSize: number }[] = [];
  const notices: RecordingTelemetry["notices"][number][] = [];
  let unrecordedOutcomes = 0;
  return {
    get unrecordedOutcomes() {
      return unrecordedOutcomes;
    },
    requests,
    issuances,
    logBatches,
    signerEvents,
    witnessAnswers,
    witnessQuorums,
    notices,
    request: (event) => void requests.push(event),
    issuance: (outcome, durationMs) => void issuances.push({ outcome, durationMs }),
    unrecordedOutcome: () => {
      unrecordedOutcomes++;
    },
    logBatch: (event) => void logBatches.push(event),
    signer: (event) => void signerEvents.push(event),
    witnessAnswer: (event) => void witnessAnswers.push(event),
    witnessQuorum: (shard, treeSize) => void witnessQuorums.push({ shard, treeSize }),
    notice: (level, message, fields = {}) => void notices.push({ level, message, fields }),
  };
}
