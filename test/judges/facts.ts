import { createPublicKey, hash } from "node:crypto";
import type { IssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import type { AuthorityKind, CertificateCase } from "./certificate-cases.ts";
import { FULCIO_VALUES } from "./fulcio-values.ts";

/** What a certificate says, in the words that every judge uses. Bytes are lower-case hex, DER where nothing else is said. */
export interface CertificateFacts {
  /** Without leading zeros. */
  readonly serial: string;
  /** The AlgorithmIdentifier inside the TBSCertificate. */
  readonly signatureAlgorithm: string;
  /** `2050-01-01T00:00:00Z`. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly issuer: string;
  readonly subject: string;
  readonly spki: string;
  readonly keyUsage: readonly string[];
  readonly extKeyUsage: readonly string[];
  readonly subjectKeyIdentifier: string;
  readonly authorityKeyIdentifier: string;
  /** `email:…`, `uri:…` or `username:…`. */
  readonly names: readonly string[];
  /** Dotted identifiers of the extensions in their order, ` critical` behind those that are. */
  readonly order: readonly string[];
  /** Texts of Fulcio's extensions by their last arc. */
  readonly values: Readonly<Record<string, string>>;
  /** `v1`, log id, timestamp in ms, extensions. */
  readonly scts: readonly string[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const seconds = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");

const SHA256_WITH_RSA = "300d06092a864886f70d01010b0500";
/** RFC 5758 §3.2 without parameters, RFC 4055 §5 with NULL. */
const SIGNATURE_ALGORITHM: Readonly<Record<AuthorityKind["key"], string>> = {
  "ecdsa-p256": "300a06082a8648ce3d040302",
  "ecdsa-p384": "300a06082a8648ce3d040303",
  "ecdsa-p521": "300a06082a8648ce3d040304",
  "rsa-2048": SHA256_WITH_RSA,
  "rsa-3072": SHA256_WITH_RSA,
  "rsa-4096": SHA256_WITH_RSA,
};

/** Octets of the subjectPublicKey at the end of a SubjectPublicKeyInfo; an RSA key is asked of OpenSSL instead. */
const KEY_OCTETS = { "ecdsa-p256": 65, "ecdsa-p384": 97, "ecdsa-p521": 133, ed25519: 32 } as const;

function keyBits(algorithm: CertificateCase["key"], spki: Uint8Array): Uint8Array {
  if (algorithm in KEY_OCTETS) return spki.subarray(-KEY_OCTETS[algorithm as keyof typeof KEY_OCTETS]);
  return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }).export({
    type: "pkcs1",
    format: "der",
  });
}

/**
 * What the certificate of a case is meant to say. Made from the case alone: no encoder of the product has a part in it.
 *
 * @param known what issuance draws or is given beside the case
 */
export function intendedFacts(
  from: CertificateCase,
  known: { readonly spki: Uint8Array; readonly chain: IssuerChain; readonly logId: Uint8Array },
): CertificateFacts {
  const notBeforeMs = (Math.floor(from.nowMs / 1000) - from.backdateSeconds) * 1000;
  const stated = FULCIO_VALUES.map(([number, name]) => [String(number), from.extensions[name] ?? ""] as const).filter(
    ([, value]) => value !== "",
  );
  return {
    serial: hex(from.serialNumber).replace(/^(00)+/u, ""),
    signatureAlgorithm: SIGNATURE_ALGORITHM[from.authority.key],
    notBefore: seconds(notBeforeMs),
    notAfter: seconds(notBeforeMs + from.lifetimeSeconds * 1000),
    issuer: hex(known.chain.subjectName),
    subject: "3000",
    spki: hex(known.spki),
    keyUsage: ["digitalSignature"],
    extKeyUsage: ["codeSigning"],
    subjectKeyIdentifier: hash("sha1", keyBits(from.key, known.spki)),
    authorityKeyIdentifier: hex(known.chain.subjectKeyIdentifier),
    names: [`${from.subjectAltName.kind}:${from.subjectAltName.value}`],
    order: [
      "2.5.29.15 critical",
      "2.5.29.37",
      "2.5.29.14",
      "2.5.29.35",
      "2.5.29.17 critical",
      ...stated.map(([number]) => `1.3.6.1.4.1.57264.1.${number}`),
      "1.3.6.1.4.1.11129.2.4.2",
    ],
    values: Object.fromEntries(stated),
    scts: [
      `v1 ${hex(known.logId)} ${from.nowMs + from.sctDelayMs} 000005${from.leafIndex.toString(16).padStart(10, "0")}`,
    ],
  };
}
