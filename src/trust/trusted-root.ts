import { hash } from "node:crypto";
import { encodeBase64 } from "../core/encoding/base64.ts";
import { ed25519KeyOfSpki, SIGNATURE_TYPE } from "../core/note/verifier-key.ts";
import type { CertificateChain } from "./certificate-chain.ts";
import type { PublicKey } from "./public-key-file.ts";
import type { Trusted, TransparencyLog, TrustMaterial } from "./trust-material.ts";
import { encodeValidFor } from "./valid-for.ts";
import type { TimeRangeJson, ValidFor } from "./valid-for.ts";

interface CertificateAuthorityJson {
  readonly subject: { readonly organization: string; readonly commonName: string };
  readonly uri: string;
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
  readonly validFor: TimeRangeJson;
}

interface LogInstanceJson {
  readonly baseUrl: string;
  readonly hashAlgorithm: "SHA2_256";
  readonly publicKey: { readonly rawBytes: string; readonly keyDetails: string; readonly validFor: TimeRangeJson };
  readonly logId: { readonly keyId: string };
}

/** JSON form of `dev.sigstore.trustroot.v1.TrustedRoot` (Sigstore protobuf-specs). */
export interface TrustedRootJson {
  readonly mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
  readonly tlogs: readonly LogInstanceJson[];
  readonly certificateAuthorities: readonly CertificateAuthorityJson[];
  readonly ctlogs: readonly LogInstanceJson[];
  readonly timestampAuthorities: readonly CertificateAuthorityJson[];
}

/**
 * Whom relying parties trust. The lists are there when they are empty too, and the names of a subject: sigstore-python wants
 * them. Logs of certificates have no `checkpointKeyId`: sigstore-js would look an SCT's log up by it.
 */
export function buildTrustedRoot(material: TrustMaterial): TrustedRootJson {
  const { publicUrl, authorities, ctLogs, transparencyLogs, timestampAuthorities } = material;
  return {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: transparencyLogs.map((log) => logInstance(log, transparencyLogId(log))),
    certificateAuthorities: authorities.map(({ chain, validFor }) => authority(publicUrl, chain, validFor)),
    ctlogs: ctLogs.map((log) => logInstance(log, ctLogId(log.publicKey))),
    timestampAuthorities: timestampAuthorities.map(({ url, chain, validFor }) => authority(url, chain, validFor)),
  };
}

function authority(uri: string, chain: CertificateChain, validFor: ValidFor): CertificateAuthorityJson {
  return {
    subject: chain.rootSubject,
    uri,
    certChain: { certificates: chain.certificates.map((der) => ({ rawBytes: encodeBase64(der) })) },
    validFor: encodeValidFor(validFor),
  };
}

type Log = Trusted<{ readonly baseUrl: string; readonly publicKey: PublicKey }>;

function logInstance({ baseUrl, publicKey, validFor }: Log, keyId: Uint8Array): LogInstanceJson {
  const { rawBytes, keyDetails } = publicKey;
  return {
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: encodeBase64(rawBytes), keyDetails, validFor: encodeValidFor(validFor) },
    logId: { keyId: encodeBase64(keyId) },
  };
}

/** The name that SCTs give a log: SHA-256 of its SubjectPublicKeyInfo (RFC 6962 §3.2). */
export function ctLogId({ rawBytes }: Pick<PublicKey, "rawBytes">): Uint8Array {
  return new Uint8Array(hash("sha256", rawBytes, "buffer"));
}

/**
 * The name that bundles give a log of signatures. One with checkpoints as C2SP writes them (Rekor v2) goes by the whole hash
 * of which a note shows four bytes (C2SP signed-note): of its host name and key, or, on P-256, of the key alone as before.
 */
function transparencyLogId({ apiVersion, baseUrl, publicKey }: TransparencyLog): Uint8Array {
  if (apiVersion === 1 || publicKey.keyDetails !== "PKIX_ED25519") return ctLogId(publicKey);
  const key = Buffer.concat([Uint8Array.of(SIGNATURE_TYPE.ed25519), ed25519KeyOfSpki(publicKey.rawBytes)]);
  const name = Buffer.from(`${new URL(baseUrl).hostname}\n`);
  return new Uint8Array(hash("sha256", Buffer.concat([name, key]), "buffer"));
}
