import { hash, X509Certificate } from "node:crypto";
import type { Config } from "../config/schema.ts";
import type { IssueCertificate } from "../core/issuance-types.ts";
import type { KeyPolicy } from "../core/proof/key-policy.ts";
import type { Generation } from "../issuance/generation.ts";
import type { StageLimits } from "../issuance/limit-stages.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";
import type { AuditTrail } from "../ports/audit-trail.ts";
import type { CertificateLog } from "../ports/certificate-log.ts";
import type { Clock } from "../ports/clock.ts";
import type { VerifyIdToken } from "../ports/id-token-verifier.ts";
import type { RateLimits } from "../ports/limits.ts";
import type { UsedTokens } from "../ports/used-tokens.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { makeIssuance } from "./make-issuance.ts";
import type { OpenedAuthorities } from "./open-authorities.ts";
import type { OpenedConfiguration } from "./open-configuration.ts";
import { drawSerialNumber } from "./serial-number.ts";

/** What a generation issues in. */
export interface GenerationLog {
  readonly certificateLog: CertificateLog;
  /** DER of every public key that signs for one of our logs, or did. */
  readonly publicKeys: readonly Uint8Array[];
}

/** Makes the generation of a number, from 1, for the log that is active in it. */
export type MakeGeneration = (number: number, log: GenerationLog) => Generation;

/** What the generations of one configuration have in common. */
export interface GenerationParts extends ServiceParts {
  readonly configuration: OpenedConfiguration;
  readonly authorities: Pick<OpenedAuthorities, "issuing" | "others">;
  readonly verifyIdToken: VerifyIdToken;
}

/** The parts that stay the same from the start of a service to its end. */
export interface ServiceParts {
  readonly audit: AuditTrail;
  readonly rateLimits: RateLimits;
  readonly usedTokens: UsedTokens;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly pauseSwitch: PauseSwitch;
}

/** Prepares a configuration as requests see it; what may change from one of its generations to the next is the log. */
export function prepareGenerations(parts: GenerationParts): MakeGeneration {
  const { issuing, others } = parts.authorities;
  const { issuers } = parts.configuration;
  const keyPolicyWith = prepareKeyPolicy(parts);
  // The one that issues comes first: there are clients that take no other.
  const trustBundle = Object.freeze([issuing.chain.pem, ...others.map(({ pem }) => pem)]);
  return (number, log) => {
    const issueCertificate = makeServedIssuance(parts, { number, log, keyPolicy: keyPolicyWith(log.publicKeys) });
    return Object.freeze({ number, issueCertificate, issuers, trustBundle });
  };
}

interface OneGeneration {
  readonly number: number;
  readonly log: GenerationLog;
  readonly keyPolicy: KeyPolicy;
}

function makeServedIssuance(parts: GenerationParts, { number, log, keyPolicy }: OneGeneration): IssueCertificate {
  const { clock, audit, telemetry, rateLimits, usedTokens } = parts;
  const { config, digest: configuration } = parts.configuration;
  const { auditedOutcomes } = rateLimits;
  const { chain, signer } = parts.authorities.issuing;
  return makeIssuance(
    {
      now: () => clock.now(),
      serialNumber: drawSerialNumber,
      verifyIdToken: parts.verifyIdToken,
      keyPolicy,
      issuer: chain,
      lifetimeSeconds: config.ca.lifetimeSeconds,
      backdateSeconds: config.ca.backdateSeconds,
      signer,
      log: log.certificateLog,
    },
    {
      stageLimits: stageLimits(config),
      rateLimits,
      usedTokens,
      record: { audit, auditedOutcomes, telemetry, clock, generation: number, configuration },
      pauseSwitch: parts.pauseSwitch,
    },
  );
}

function stageLimits({ limits: { stages } }: Config): StageLimits {
  const { tokenSeconds, signatureSeconds, logSeconds } = stages;
  return { tokenMs: tokenSeconds * 1000, signatureMs: signatureSeconds * 1000, logMs: logSeconds * 1000 };
}

/** Nobody may have one of our own keys certified: whoever proves to hold one has broken into something. */
function prepareKeyPolicy({ configuration: { config, blockedKeys }, authorities }: GenerationParts) {
  const { issuing, others } = authorities;
  const ofAuthorities = [issuing, ...others]
    .flatMap(({ chain }) => chain.certificates)
    .map((der) => new X509Certificate(der).publicKey.export({ type: "spki", format: "der" }));
  const fixed = {
    permittedAlgorithms: new Set(config.clientKeys.algorithms),
    ...(blockedKeys === undefined ? {} : { blockedKeys }),
  };
  return (logKeys: readonly Uint8Array[]): KeyPolicy => {
    const ours = [...ofAuthorities, ...logKeys];
    return { ...fixed, forbiddenKeys: new Set(ours.map((key) => hash("sha256", key, "hex"))) };
  };
}
