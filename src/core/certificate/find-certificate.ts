import { decodeBase64 } from "../encoding/base64.ts";
import { isJsonArray, isJsonObject, JsonError, parseJson } from "../encoding/json-reader.ts";
import type { JsonValue } from "../encoding/json-reader.ts";
import { parsePem, PemError } from "../encoding/pem.ts";
import { MayflyError } from "../errors.ts";

/** A certificate found in what signing tools leave behind. */
export interface FoundCertificate {
  readonly form: "PEM" | "DER" | "Sigstore bundle" | "cosign bundle";
  /** Of the signer: the first of a chain. */
  readonly der: Uint8Array;
}

const SEQUENCE = 0x30;
const JSON_LIMITS = { maxDepth: 32, maxMembers: 50_000 };
const PEM_BEGIN = "-----BEGIN ";

/**
 * The signer's certificate in a file: PEM (the first of a chain), DER, a Sigstore bundle of any version up to 0.3 or the
 * older JSON of `cosign sign-blob --bundle`.
 *
 * @throws MayflyError CERTIFICATE_UNREADABLE when there is none, with what was there instead
 */
export function findCertificate(bytes: Uint8Array): FoundCertificate {
  const start = Buffer.from(bytes.subarray(0, 64)).toString("latin1").trimStart();
  if (bytes[0] === SEQUENCE) return { form: "DER", der: bytes };
  if (start.startsWith("{")) return findInJson(bytes);
  if (start.startsWith(PEM_BEGIN)) return { form: "PEM", der: firstOfPem(bytes) };
  return unreadable("neither PEM, DER nor a bundle");
}

function firstOfPem(text: string | Uint8Array): Uint8Array {
  try {
    const [first] = parsePem(text);
    if (first?.label !== "CERTIFICATE")
      return unreadable(`PEM of a ${first?.label ?? "nothing"}, not of a certificate`);
    return first.der;
  } catch (cause) {
    if (!(cause instanceof PemError)) throw cause;
    throw new MayflyError("CERTIFICATE_UNREADABLE", cause.message, { cause });
  }
}

function findInJson(bytes: Uint8Array): FoundCertificate {
  const bundle = readJson(bytes);
  const cosign = at(bundle, "cert");
  if (cosign !== undefined) {
    const text = Buffer.from(base64At(cosign)).toString("latin1");
    return { form: "cosign bundle", der: text.startsWith(PEM_BEGIN) ? firstOfPem(text) : base64At(text.trim()) };
  }
  const material = at(bundle, "verificationMaterial");
  const chain = at(at(material, "x509CertificateChain"), "certificates");
  const first = at(material, "certificate") ?? (isJsonArray(chain) ? chain[0] : undefined);
  if (first !== undefined) return { form: "Sigstore bundle", der: base64At(at(first, "rawBytes")) };
  if (at(material, "publicKey") !== undefined)
    return unreadable("a bundle that names a public key, and no certificate");
  return unreadable("JSON without a certificate");
}

function readJson(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, JSON_LIMITS);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new MayflyError("CERTIFICATE_UNREADABLE", `the bundle cannot be read: ${cause.message}`, { cause });
  }
}

function at(value: JsonValue | undefined, member: string): JsonValue | undefined {
  return isJsonObject(value) ? value.get(member) : undefined;
}

function base64At(value: JsonValue | undefined): Uint8Array {
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  return bytes ?? unreadable("the bundle's certificate is not base64");
}

function unreadable(what: string): never {
  throw new MayflyError("CERTIFICATE_UNREADABLE", what);
}
