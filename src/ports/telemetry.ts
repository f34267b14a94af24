import type { ErrorCode, Reason } from "../core/errors.ts";
import type { AuditOutcome } from "./audit-trail.ts";
import type { WitnessResult } from "./witness.ts";

/** One finished request, over HTTP or as a call of gRPC; every field comes from a closed set or was bounded and cleaned before. */
export interface RequestEvent {
  readonly requestId: string;
  readonly method: string;
  /** The route's template, or `other` for a path that is no route. */
  readonly route: string;
  /** Of HTTP; of a call, the one that the same outcome has over HTTP. */
  readonly status: number;
  /** What the caller of a call of gRPC was told; absent over HTTP. */
  readonly grpc?: GrpcOutcome;
  readonly durationMs: number;
  readonly code?: ErrorCode;
  readonly reason?: Reason;
  /** Internal message and causes, for codes that are our fault. */
  readonly detail?: string;
  /** Lower-case hex. */
  readonly serialNumber?: string;
  readonly logIndex?: number;
}

/** A finished call of gRPC. */
export interface GrpcOutcome {
  /** Full name of a service that there is, or `unknown`. */
  readonly service: string;
  /** Name of a method that there is, or `unknown`. */
  readonly method: string;
  /** A google.rpc.Code. */
  readonly code: number;
}

/** One committed batch of the log. */
export interface LogBatchEvent {
  /** Configured name of the shard. */
  readonly shard: string;
  readonly entries: number;
  readonly treeSize: number;
  readonly durationMs: number;
}

/**
 * Why a TLS handshake came to nothing: it took too long, was no TLS, offered nothing that is served, was no handshake
 * that can be read, was ended by an alert of the caller (which may not trust the certificate), or by its going away.
 */
export type TlsHandshakeFailure = "timeout" | "plaintext" | "unsupported" | "malformed" | "refused" | "disconnected";

/** What a listener with TLS tells its operator. */
export interface TlsTelemetry {
  handshakeFailed(cause: TlsHandshakeFailure): void;
  /** A certificate is in use from now on, until the given time at the latest. */
  pairLoaded(notAfterMs: number): void;
  /** Files that have changed cannot be used; what was in use still is. */
  pairRefused(): void;
}

/** One answer of a witness, or that there was none. */
export interface WitnessEvent {
  readonly shard: string;
  /** Name from the configuration. */
  readonly witness: string;
  readonly result: WitnessResult;
  readonly durationMs: number;
  /** What it has cosigned, if it has. */
  readonly cosigned?: {
    readonly treeSize: number;
    /** By its own clock, seconds since the Unix epoch. */
    readonly timestampSeconds: number;
  };
}

/** One question to a key service that ended, or a certificate that was not begun for its sake; every field is of a closed set. */
export interface SignerEvent {
  /** Kind of the service, as the configuration names it. */
  readonly backend: string;
  /** What the key is for: `ca`, `log`, `checkpoint`. */
  readonly key: string;
  /** `sign`, `public-key`, `login`; `begin` for what was not begun. */
  readonly operation: string;
  /** `ok`, or what kind of failure it was. */
  readonly outcome: string;
  /** Absent for what was not begun. */
  readonly durationMs?: number;
}

/** What the process tells its operator. No method throws, waits or keeps a reference. */
export interface Telemetry {
  request(event: RequestEvent): void;
  issuance(outcome: AuditOutcome, durationMs: number): void;
  /** An outcome without a serial number was left out of the audit trail, because too many came. */
  unrecordedOutcome(): void;
  logBatch(event: LogBatchEvent): void;
  signer(event: SignerEvent): void;
  witnessAnswer(event: WitnessEvent): void;
  /** A quorum of witnesses has cosigned a tree of that size. */
  witnessQuorum(shard: string, treeSize: number): void;
  /** A line for a human: start, stop, warnings. `fields` must be free of secrets. */
  notice(
    level: "info" | "warn" | "error",
    message: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ): void;
}
