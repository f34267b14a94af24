import { systemClock } from "../adapters/clock/system-clock.ts";
import type { RemoteKey } from "../adapters/signers/remote/remote-key.ts";
import { openRemoteSigner } from "../adapters/signers/remote/remote-signer.ts";
import type { RemoteSignerOptions } from "../adapters/signers/remote/remote-signer.ts";
import { keyName } from "../config/signers/key-name.ts";
import type { RemoteSignerConfig } from "../config/signers/remote-signer.ts";
import type { Signer } from "../ports/signer.ts";
import { readSecret } from "./read-secret.ts";
import { REMOTE_KEYS } from "./remote-keys.ts";
import type { OpenRemoteKey, RemoteKeyContext } from "./remote-keys.ts";
import type { OpenSignerOptions, SignerRole } from "./signer-roles.ts";

/** Of a command; a service takes limits.stages.signatureSeconds. */
const SIGNATURE_MS = 2_500;

/**
 * Opens a key that a service keeps, with the deadlines, limits and checks that all such keys have.
 *
 * @throws MayflyError `signer_failed` or `signer_unavailable`
 */
export async function openRemote(
  config: RemoteSignerConfig,
  role: SignerRole,
  options: OpenSignerOptions,
): Promise<Signer> {
  const name = keyName(config) ?? config.kind;
  const key = await openKey(config, {
    name,
    clock: systemClock,
    readSecret: (from) => readSecret(from, options.env, options.development ? "allow" : "refuse"),
  });
  return openRemoteSigner(key, surroundings(config, role, options));
}

/** The kind chooses the opener, which takes a configuration of that kind. */
function openKey(config: RemoteSignerConfig, context: RemoteKeyContext): Promise<RemoteKey> {
  const open: OpenRemoteKey<never> = REMOTE_KEYS[config.kind];
  return open(config as never, context);
}

function surroundings(
  config: RemoteSignerConfig,
  { use, setting, signaturesPerCertificate }: SignerRole,
  { service }: OpenSignerOptions,
): RemoteSignerOptions {
  const labels = { backend: config.kind, key: use };
  return {
    limits: {
      attemptMs: config.attemptSeconds * 1_000,
      attempts: config.attempts,
      deadlineMs: service?.signatureMs ?? SIGNATURE_MS,
      inFlight: mostInFlight(config),
      signaturesPerSecond: config.signaturesPerSecond,
      signaturesPerCertificate,
    },
    clock: systemClock,
    random: Math.random,
    onAttempt: (ended) => service?.telemetry.signer({ ...labels, ...ended }),
    onShed: (outcome) => service?.telemetry.signer({ ...labels, operation: "begin", outcome }),
    onProblem: (problem) => {
      if (problem === undefined) service?.telemetry.notice("info", "a key can be used again", { setting });
      else {
        const { reason, message } = problem;
        service?.telemetry.notice("error", "a key cannot be used", { setting, reason, detail: message });
      }
    },
  };
}

/** A call that waits for a session would spend its attempt's time on our queue, and be taken for a token that is away. */
function mostInFlight(config: RemoteSignerConfig): number {
  return config.kind === "pkcs11" ? Math.min(config.sessions, config.requestsInFlight) : config.requestsInFlight;
}
