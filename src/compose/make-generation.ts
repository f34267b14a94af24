import { hash, X509Certificate } from "node:crypto";
import type { Config } from "../config/schema.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
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
import type { Signer } from "../ports/signer.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { makeIssuance } from "./make-issuance.ts";
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
  readonly verifyIdToken: VerifyIdToken;
}

/** The parts that stay the same from the start of a service to its end. */
export interface ServiceParts {
  readonly chain: IssuerChain;
  readonly caSigner: Signer;
  readonly audit: AuditTrail;
  readonly rateLimits: RateLimits;
  readonly usedTokens: UsedTokens;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly pauseSwitch: PauseSwitch;
}

/** Prepares a configuration as requests see it; what may change from one of its generations to the next is the log. */
export function prepareGenerations(parts: GenerationParts): MakeGeneration {
  const { chain } = parts;
  const { issuers } = parts.configuration;
  const keyPolicyWith = prepareKeyPolicy(parts);
  return (number, log) => {
    const issueCertificate = makeServedIssuance(parts, { number, log, keyPolicy: keyPolicyWith(log.publicKeys) });
    return Object.freeze({ number, issueCertificate, issuers, trustBundle: [chain.pem] });
  };
}

interface OneGeneration {
  readonly number: number;
  readonly log: GenerationLog;
  readonly keyPolicy: KeyPolicy;
}

function makeServedIssuance(parts: GenerationParts, { number, log, keyPolicy }: OneGeneration): IssueCertificate {
  const { chain, caSigner, clock, audit, telemetry, rateLimits, usedTokens } = parts;
  const { config, digest: configuration } = parts.configuration;
  const { auditedOutcomes } = rateLimits;
  return makeIssuance(
    {
      now: () => clock.now(),
      serialNumber: drawSerialNumber,
      verifyIdToken: parts.verifyIdToken,
      keyPolicy,
      issuer: chain,
      lifetimeSeconds: config.ca.lifetimeSeconds,
      backdateSeconds: config.ca.backdateSeconds,
      signer: caSigner,
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
function prepareKeyPolicy({ configuration: { config, blockedKeys }, chain, caSigner }: GenerationParts) {
  const above = chain.certificates.map((der) =>
    new X509Certificate(der).publicKey.export({ type: "spki", format: "der" }),
  );
  const fixed = {
    permittedAlgorithms: new Set(config.clientKeys.algorithms),
    ...(blockedKeys === undefined ? {} : { blockedKeys }),
  };
  return (logKeys: readonly Uint8Array[]): KeyPolicy => {
    const ours = [caSigner.publicKey, ...above, ...logKeys];
    return { ...fixed, forbiddenKeys: new Set(ours.map((key) => hash("sha256", key, "hex"))) };
  };
}
