import { hash } from "node:crypto";
import { join } from "node:path";
import type { Ceremony } from "../../config/ceremony.ts";
import { writeCaSettings } from "../../config/write-ca-settings.ts";
import { readCaCertificate } from "../../core/certificate/read-ca-certificate.ts";
import { encodePem } from "../../core/encoding/pem.ts";
import { readCertificateChain } from "../../trust/certificate-chain.ts";
import { makeTrustFiles } from "../../trust/make-trust-files.ts";
import { readPublicKey } from "../../trust/public-key-file.ts";
import { makeTrustMaterial } from "../../trust/trust-material.ts";
import { writePublicFile } from "../write-public-file.ts";
import { fingerprintOf } from "./ceremony-keys.ts";
import type { CeremonyKeys } from "./ceremony-keys.ts";
import type { CeremonyContext } from "./ceremony-context.ts";
import { keepFile } from "./keep-file.ts";

/** What the last files of a ceremony are made from. */
export interface Bundle {
  readonly ceremony: Ceremony;
  readonly keys: CeremonyKeys;
  /** DER, the lowest authority first. */
  readonly chain: readonly Uint8Array[];
  readonly context: CeremonyContext;
}

const PUBLIC_KEY_FILES = { log: "ct_log.pem", checkpoint: "checkpoint.pem" } as const;

/**
 * Writes what follows from the certificates and keys of a ceremony: public keys of the log, a trusted root, the piece of a
 * configuration, fingerprints. All but the keys are derived, and replaced by what they are now.
 *
 * @returns the fingerprints' lines
 * @throws MayflyError CEREMONY_CONFLICT when the folder has the key of another log, FILE_NOT_WRITTEN
 */
export async function writeBundle(bundle: Bundle): Promise<string> {
  const { ceremony, keys, context } = bundle;
  const at = (name: string): string => join(ceremony.folder, name);
  for (const [name, file] of Object.entries(PUBLIC_KEY_FILES) as ["log" | "checkpoint", string][]) {
    const signer = keys.log?.[name];
    if (signer === undefined) continue;
    const kept = keepFile(at(file), Buffer.from(`${encodePem("PUBLIC KEY", signer.publicKey)}\n`));
    context.onStep({ kind: "kept", file: at(file), kept });
  }
  const derived: [name: string, bytes: Uint8Array][] = [];
  const trustedRoot = makeTrustedRoot(bundle);
  if (trustedRoot !== undefined) derived.push(["trusted_root.json", trustedRoot]);
  const settings = makeSettings(bundle);
  if (settings !== undefined) derived.push(["mayfly.yaml", Buffer.from(settings)]);
  const fingerprints = describeFingerprints(bundle);
  derived.push(["fingerprints.txt", Buffer.from(fingerprints)]);
  for (const [name, bytes] of derived) {
    await writePublicFile(at(name), bytes);
    context.onStep({ kind: "written", file: at(name) });
  }
  return fingerprints;
}

/** As the service with these settings will make it, so that both can be compared. */
function makeTrustedRoot({ ceremony: { publicUrl, log }, keys, chain }: Bundle): Uint8Array | undefined {
  if (publicUrl === undefined || log === undefined || keys.log === undefined) return undefined;
  const material = makeTrustMaterial({
    ...{ publicUrl, operator: new URL(publicUrl).hostname, issuers: [] },
    issuing: readCertificateChain(chain, "issuing"),
    issuingWindow: { startMs: undefined, endMs: undefined },
    ...{ otherAuthorities: [], transparencyLogs: [], timestampAuthorities: [] },
    ctLogs: [
      {
        ...{ baseUrl: `https://${log.origin}`, publicKey: readPublicKey(keys.log.log.publicKey), role: "active" },
        window: { startMs: undefined, endMs: undefined },
      },
    ],
  });
  return makeTrustFiles(material)["trusted_root.json"];
}

function makeSettings({ ceremony, keys }: Bundle): string | undefined {
  const { layout, folder, log, publicUrl } = ceremony;
  const signer = keys.authorities.at(-1)?.signer;
  if (layout === "offline-root" || signer === undefined) return undefined;
  return writeCaSettings({ chain: join(folder, "chain.pem"), signer, log, publicUrl });
}

/** Lines as `sha256sum` prints them: certificates, their keys, those of the log. */
function describeFingerprints({ ceremony: { log }, keys, chain }: Bundle): string {
  const certificates = chain.map(readCaCertificate).flatMap(({ der, commonName, subjectPublicKeyInfo }) => [
    [hash("sha256", der, "hex"), `certificate of ${commonName}`],
    [fingerprintOf(subjectPublicKeyInfo), `key of ${commonName}`],
  ]);
  const logKeys =
    keys.log === undefined || log === undefined
      ? []
      : [
          [fingerprintOf(keys.log.log.publicKey), `key of the log ${log.origin}, which is its id`],
          [fingerprintOf(keys.log.checkpoint.publicKey), `key of checkpoints of ${log.origin}`],
        ];
  return [...certificates, ...logKeys].map((line) => `${line.join("  ")}\n`).join("");
}
