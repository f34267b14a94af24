import { hash } from "node:crypto";
import { judgeClaims } from "../core/identity/apply-claim-rules.ts";
import { describeCauses, isOurFault, MayflyError } from "../core/errors.ts";
import type { IssueCertificate, IssuedCertificate } from "../core/issuance-types.ts";
import type { AuditOutcome, AuditTrail } from "../ports/audit-trail.ts";
import type { Clock } from "../ports/clock.ts";
import type { RateLimit } from "../ports/limits.ts";
import type { Signer } from "../ports/signer.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { makeIssueCertificate } from "./issue-certificate.ts";
import type { IssuanceDeps } from "./issue-certificate.ts";

/** Where the record of an issuance goes. */
export interface AuditDeps {
  readonly audit: AuditTrail;
  /** Bounds the outcomes without a serial number that are recorded; asked with the empty key. */
  readonly auditedOutcomes: RateLimit;
  readonly telemetry: Pick<Telemetry, "issuance" | "unrecordedOutcome">;
  readonly clock: Clock;
  readonly generation: number;
  /** Lower-case hex SHA-256 of the configuration of this generation. */
  readonly configuration?: string;
}

/** What was seen of one request so far. */
interface Sighting {
  issuer?: string;
  pattern?: string;
  audience?: string;
  rule?: string;
  serialNumber?: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/**
 * Issuance with a trace. It learns what it records by standing between issuance and its ports for the length of one
 * request, so the issuance function itself stays free of it: an intent is in the trail before the CA key is used for
 * a serial number, and the outcome is acknowledged before the caller gets an answer of any kind. Where the trail cannot
 * be written, nothing is delivered (`internal`, AUDIT_FAILED).
 *
 * Anybody can be refused, as often as they like, and by naming an issuer that is away anybody can make a request fail;
 * but the trail is to explain each use of the CA key for years. So what ends before a serial number was drawn is recorded
 * at a bounded rate; the rest is only counted. While the trail has more to write than it may hold, no further serial number
 * gets an intent, so nothing is signed (`overloaded`, AUDIT_QUEUE_FULL); what was signed has its outcome recorded all the
 * same.
 */
export function makeAuditedIssuance(deps: IssuanceDeps, record: AuditDeps): IssueCertificate {
  return async (request, signal) => {
    const seen: Sighting = {};
    const startedMs = record.clock.monotonic();
    const issue = makeIssueCertificate(watch(deps, record, seen));
    const ended = await issue(request, signal).then(
      (issued): Ended => ({ result: "issued", issued }),
      (error: unknown): Ended => ({ result: "not-issued", error }),
    );
    const outcome = describeOutcome(ended, seen, record);
    await recordOutcome(outcome, record);
    record.telemetry.issuance(outcome, record.clock.monotonic() - startedMs);
    if (ended.result === "not-issued") throw ended.error;
    return ended.issued;
  };
}

async function recordOutcome(outcome: AuditOutcome, record: AuditDeps): Promise<void> {
  const isBounded = outcome.serialNumber === undefined;
  if (isBounded && record.auditedOutcomes.take("") > 0) {
    record.telemetry.unrecordedOutcome();
    return;
  }
  try {
    await record.audit.append(outcome);
  } catch (error) {
    if (!isBounded || !isQueueFull(error)) throw error;
    record.telemetry.unrecordedOutcome();
  }
}

const isQueueFull = (error: unknown): boolean => error instanceof MayflyError && error.reason === "AUDIT_QUEUE_FULL";

type Ended =
  | { readonly result: "issued"; readonly issued: IssuedCertificate }
  | { readonly result: "not-issued"; readonly error: unknown };

/** The ports of one request, each telling `seen` or the trail what passes through it. */
function watch(deps: IssuanceDeps, record: AuditDeps, seen: Sighting): IssuanceDeps {
  return {
    ...deps,
    verifyIdToken: async (idToken, nowMs) => {
      const verified = await deps.verifyIdToken(idToken, nowMs);
      const { url, pattern, audience } = verified.issuer;
      seen.issuer = url;
      if (pattern !== undefined) seen.pattern = pattern;
      seen.audience = audience;
      return verified;
    },
    judgeClaims: (rules, claims) => {
      const judgement = (deps.judgeClaims ?? judgeClaims)(rules, claims);
      if (judgement.rule !== undefined) seen.rule = judgement.rule;
      return judgement;
    },
    serialNumber: () => {
      const serialNumber = deps.serialNumber();
      seen.serialNumber = hex(serialNumber);
      return serialNumber;
    },
    signer: withIntent(deps.signer, record, seen),
  };
}

/** Writes an intent before the first signature of a request; the second is of the same serial number. */
function withIntent(signer: Signer, record: AuditDeps, seen: Sighting): Signer {
  let intended = false;
  return {
    algorithm: signer.algorithm,
    publicKey: signer.publicKey,
    location: signer.location,
    service: signer.service,
    close: () => signer.close(),
    sign: async (tbs, turn) => {
      if (!intended) {
        intended = true;
        await record.audit
          .append({
            kind: "intent",
            timeMs: record.clock.now(),
            serialNumber: seen.serialNumber ?? "",
            tbsSha256: hash("sha256", tbs, "hex"),
            generation: record.generation,
          })
          .catch((error: unknown) => {
            // Nothing is signed under a number that the trail does not know, so it is as if none had been drawn.
            if (isQueueFull(error)) delete seen.serialNumber;
            throw error;
          });
      }
      return signer.sign(tbs, turn);
    },
  };
}

function describeOutcome(ended: Ended, seen: Sighting, record: AuditDeps): AuditOutcome {
  const { clock, generation, configuration } = record;
  const force = configuration === undefined ? { generation } : { generation, configuration };
  const common = { kind: "outcome", timeMs: clock.now(), ...force, ...seen } as const;
  if (ended.result === "issued") {
    const { sct, logIndex } = ended.issued;
    return { ...common, result: "issued", logId: hex(sct.logId), ...(logIndex === undefined ? {} : { logIndex }) };
  }
  const { error } = ended;
  if (!(error instanceof MayflyError)) {
    return { ...common, result: "failed", code: "internal", reason: "UNEXPECTED", detail: describeCauses(error) };
  }
  const result = isOurFault(error.code) ? "failed" : "refused";
  return { ...common, result, code: error.code, reason: error.reason, detail: describeCauses(error) };
}
