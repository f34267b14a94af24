import { hash, X509Certificate } from "node:crypto";
import type { Config } from "../config/schema.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import type { TrustedIssuer } from "../core/identity/issuer.ts";
import type { KeyPolicy } from "../core/proof/key-policy.ts";
import type { Generation } from "../issuance/generation.ts";
import type { StageLimits } from "../issuance/limit-stages.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";
import type { AuditTrail } from "../ports/audit-trail.ts";
import type { CertificateLog } from "../ports/certificate-log.ts";
import type { Clock } from "../ports/clock.ts";
import type { VerifyIdToken } from "../ports/id-token-verifier.ts";
import type { RateLimits } from "../ports/limits.ts";
import type { Signer } from "../ports/signer.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { LogSigners } from "./open-log-signers.ts";
import { makeIssuance } from "./make-issuance.ts";
import { readBlocklist } from "./read-blocklist.ts";
import { drawSerialNumber } from "./serial-number.ts";

/** The parts that one configuration is served with. */
export interface GenerationParts {
  readonly config: Config;
  readonly chain: IssuerChain;
  readonly signers: LogSigners & { readonly ca: Signer };
  readonly issuers: readonly TrustedIssuer[];
  readonly verifyIdToken: VerifyIdToken;
  readonly log: CertificateLog;
  readonly audit: AuditTrail;
  readonly rateLimits: RateLimits;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly pauseSwitch: PauseSwitch;
}

/**
 * The configuration in force, as requests see it.
 *
 * @throws ConfigError when the blocklist it names cannot be read
 */
export function makeGeneration(parts: GenerationParts): Generation {
  const { config, chain, signers, issuers, clock, audit, telemetry, rateLimits } = parts;
  const number = 1;
  const { auditedOutcomes } = rateLimits;
  const issueCertificate = makeIssuance(
    {
      now: () => clock.now(),
      serialNumber: drawSerialNumber,
      verifyIdToken: parts.verifyIdToken,
      keyPolicy: keyPolicy(parts),
      issuer: chain,
      lifetimeSeconds: config.ca.lifetimeSeconds,
      backdateSeconds: config.ca.backdateSeconds,
      signer: signers.ca,
      log: parts.log,
    },
    {
      stageLimits: stageLimits(config),
      rateLimits,
      record: { audit, auditedOutcomes, telemetry, clock, generation: number },
      pauseSwitch: parts.pauseSwitch,
    },
  );
  return Object.freeze({ number, issueCertificate, issuers, trustBundle: [chain.pem] });
}

function stageLimits({ limits: { stages } }: Config): StageLimits {
  const { tokenSeconds, signatureSeconds, logSeconds } = stages;
  return { tokenMs: tokenSeconds * 1000, signatureMs: signatureSeconds * 1000, logMs: logSeconds * 1000 };
}

/** Nobody may have one of our own keys certified: whoever proves to hold one has broken into something. */
function keyPolicy({ config, chain, signers }: GenerationParts): KeyPolicy {
  const ours = [signers.ca, signers.log, signers.checkpoint].map(({ publicKey }) => publicKey);
  const above = chain.certificates.map((der) =>
    new X509Certificate(der).publicKey.export({ type: "spki", format: "der" }),
  );
  const { algorithms, blocklist } = config.clientKeys;
  return {
    permittedAlgorithms: new Set(algorithms),
    forbiddenKeys: new Set([...ours, ...above].map((key) => hash("sha256", key, "hex"))),
    ...(blocklist === undefined ? {} : { blockedKeys: readBlocklist(blocklist) }),
  };
}
