import type { Config } from "../config/schema.ts";
import type { SignatureAlgorithm } from "../core/certificate/algorithms.ts";
import type { MayflyError } from "../core/errors.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Environment } from "./read-secret.ts";

/** How signers of one process are opened. */
export interface OpenSignerOptions {
  readonly env: Environment;
  /** Development keys lie in a repository, where every account may read them. */
  readonly development: boolean;
  /** Called when a key of this process signs wrongly: nothing it does can be trusted any more. */
  readonly onMismatch: (error: MayflyError) => void;
  /** What a service has beside; a command, which ends soon, leaves it out. */
  readonly service?: {
    readonly telemetry: Pick<Telemetry, "signer" | "notice">;
    /** Longest time of a signature by a remote key, milliseconds. */
    readonly signatureMs: number;
  };
}

/** A signer's place in the configuration, and what may stand there. */
export interface SignerRole {
  /** For messages: `ca.signer`. */
  readonly setting: string;
  /** For metrics. */
  readonly use: "ca" | "log" | "checkpoint" | "trust";
  /** Acceptable algorithms; the first is what a memory signer gets. */
  readonly algorithms: readonly [SignatureAlgorithm, ...SignatureAlgorithm[]];
  /** Signatures that the key makes for each certificate, whatever else it signs; none when left out. */
  readonly signaturesPerCertificate?: number;
}

/** The roles of the keys Mayfly holds. */
export const SIGNER_ROLES = {
  ca: {
    setting: "ca.signer",
    use: "ca",
    algorithms: ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ecdsa-p521-sha512", "rsa-pkcs1-sha256"],
    // With poison for the log, and with its SCT (RFC 6962 §3.1, §3.3).
    signaturesPerCertificate: 2,
  },
  // The SCT (RFC 6962 §3.2).
  log: { setting: "log.signer", use: "log", algorithms: ["ecdsa-p256-sha256"], signaturesPerCertificate: 1 },
  checkpoint: { setting: "log.checkpointSigner", use: "checkpoint", algorithms: ["ed25519"] },
} as const satisfies Record<string, SignerRole>;

/** What a service opens signers with. */
export interface SigningService {
  readonly config: Pick<Config, "environment" | "limits">;
  readonly env: Environment;
  readonly telemetry: Pick<Telemetry, "signer" | "notice">;
  readonly onFatal: (error: MayflyError) => void;
}

/** How the signers of a service are opened. */
export function signersOfService({ config, env, telemetry, onFatal }: SigningService): OpenSignerOptions {
  return {
    env,
    development: config.environment === "development",
    onMismatch: onFatal,
    service: { telemetry, signatureMs: config.limits.stages.signatureSeconds * 1_000 },
  };
}
