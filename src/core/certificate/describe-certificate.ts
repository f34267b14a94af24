import { hash, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { decodeSctList } from "../ct/sct.ts";
import type { SignedCertificateTimestamp } from "../ct/sct.ts";
import { assertCanonicalDer } from "../encoding/canonical-der.ts";
import { DER_TAG, derChildren, derContent, DerError, parseDer, parseObjectIdentifier } from "../encoding/der-reader.ts";
import type { DerElement } from "../encoding/der-reader.ts";
import { PresentationError } from "../encoding/tls-presentation.ts";
import { MayflyError } from "../errors.ts";
import { FULCIO_EXTENSIONS } from "./extensions/fulcio.ts";

/** One name of a subjectAltName. */
export interface DescribedName {
  /** `other` is any GeneralName that names no signer. */
  readonly kind: "email" | "uri" | "dns" | "username" | "other";
  /** Text; of `other` its tag and its octets in hex. */
  readonly value: string;
}

/** One extension of Fulcio's arc, whoever wrote it. */
export interface DescribedExtension {
  readonly oid: string;
  /** As Fulcio's register has it, such as `Build Signer URI`; undefined for a number that it does not have. */
  readonly name?: string;
  readonly value: string;
}

/** What a certificate says of itself. Nothing of it is verified. */
export interface DescribedCertificate {
  /** SHA-256 of the DER, lower-case hex. */
  readonly sha256: string;
  /** Upper-case hex, as OpenSSL prints it. */
  readonly serialNumber: string;
  /** The issuer's distinguished name as OpenSSL prints it, one line. */
  readonly issuerName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Such as `EC prime256v1`, `RSA 2048`, `Ed25519`; `unknown` where OpenSSL cannot read it. */
  readonly key: string;
  readonly isCa: boolean;
  readonly names: readonly DescribedName[];
  /** In the order of the certificate. */
  readonly fulcio: readonly DescribedExtension[];
  readonly scts: readonly SignedCertificateTimestamp[];
  /** It has the poison extension (RFC 6962 §3.1): no certificate, but what a log is given before there is one. */
  readonly isPrecertificate: boolean;
}

const EXTENSIONS_TAG = 0xa3;
const SUBJECT_ALT_NAME = "2.5.29.17";
const SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";
const POISON = "1.3.6.1.4.1.11129.2.4.3";
const FULCIO_ARC = "1.3.6.1.4.1.57264.1.";
/** The otherName of Fulcio's usernames. */
const USERNAME = `${FULCIO_ARC}7`;
/** GeneralName (RFC 5280 §4.2.1.6). */
const NAME_KINDS: Readonly<Record<number, "email" | "dns" | "uri">> = { 0x81: "email", 0x82: "dns", 0x86: "uri" };
const OTHER_NAME_TAG = 0xa0;

/** Fulcio's first six extensions are bare text, all others DER strings. */
const RAW_NUMBERS = 6;
const STRING_TAGS: ReadonlySet<number> = new Set([DER_TAG.utf8String, DER_TAG.printableString, 0x16]);
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Takes a signer's certificate apart: one of Mayfly's, of Fulcio's or of whoever else writes Fulcio's extensions.
 *
 * @param der DER Certificate (RFC 5280 §4.1)
 * @throws MayflyError CERTIFICATE_UNREADABLE when it is no canonical DER certificate, or an extension that is to be
 *   shown cannot be read
 */
export function describeCertificate(der: Uint8Array): DescribedCertificate {
  try {
    assertCanonicalDer(der);
    const x509 = new X509Certificate(der);
    const extensions = readExtensions(der);
    return {
      sha256: hash("sha256", der, "hex"),
      serialNumber: x509.serialNumber,
      issuerName: issuerNameOf(x509),
      notBefore: requireTime(x509.validFromDate),
      notAfter: requireTime(x509.validToDate),
      key: describeKey(x509),
      isCa: x509.ca,
      names: extensions.flatMap(({ oid, value }) => (oid === SUBJECT_ALT_NAME ? readNames(value) : [])),
      fulcio: extensions.filter(({ oid }) => oid.startsWith(FULCIO_ARC)).map(readFulcioExtension),
      scts: extensions.flatMap(({ oid, value }) => (oid === SCT_LIST ? readScts(value) : [])),
      isPrecertificate: extensions.some(({ oid }) => oid === POISON),
    };
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    const why = cause instanceof DerError || cause instanceof PresentationError ? `: ${cause.message}` : "";
    throw new MayflyError("CERTIFICATE_UNREADABLE", `no certificate that can be read${why}`, { cause });
  }
}

interface ReadExtension {
  readonly oid: string;
  /** Contents of extnValue. */
  readonly value: Uint8Array;
}

function readExtensions(der: Uint8Array): readonly ReadExtension[] {
  const [tbs] = derChildren(parseDer(der));
  const wrapper = tbs === undefined ? undefined : derChildren(tbs).at(-1);
  if (wrapper?.tag !== EXTENSIONS_TAG) return [];
  const read = derChildren(wrapper)
    .flatMap(derChildren)
    .map((extension) => {
      const parts = derChildren(extension);
      return { oid: parseObjectIdentifier(parts[0]), value: derContent(parts.at(-1), DER_TAG.octetString) };
    });
  if (new Set(read.map(({ oid }) => oid)).size !== read.length) throw new DerError("an extension stands there twice");
  return read;
}

function readScts(value: Uint8Array): readonly SignedCertificateTimestamp[] {
  const scts = decodeSctList(derContent(parseDer(value), DER_TAG.octetString));
  for (const { timestampMs } of scts) requireTime(new Date(timestampMs));
  return scts;
}

/** 64 bits hold more milliseconds than a calendar. */
function requireTime(date: Date): Date {
  if (Number.isNaN(date.getTime())) throw new DerError("a time in it is none");
  return date;
}

/** Node has none for an empty name, whatever its types say. */
function issuerNameOf({ issuer }: { readonly issuer?: string }): string {
  return (issuer ?? "").replaceAll("\n", ", ");
}

const KEY_TYPES: Readonly<Record<string, string>> = {
  ec: "EC",
  rsa: "RSA",
  "rsa-pss": "RSA-PSS",
  dsa: "DSA",
  ed25519: "Ed25519",
};

function describeKey(x509: X509Certificate): string {
  const key = publicKeyOf(x509);
  const { namedCurve, modulusLength } = key?.asymmetricKeyDetails ?? {};
  const type = key?.asymmetricKeyType ?? "unknown";
  return [KEY_TYPES[type] ?? type, namedCurve ?? modulusLength ?? []].flat().join(" ");
}

/** A certificate says what it says, whether or not anybody here could verify with its key. */
function publicKeyOf(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined;
  }
}

function readNames(value: Uint8Array): readonly DescribedName[] {
  return derChildren(parseDer(value)).map((name): DescribedName => {
    const kind = NAME_KINDS[name.tag];
    if (kind !== undefined) return { kind, value: Buffer.from(name.content).toString("latin1") };
    const username = name.tag === OTHER_NAME_TAG ? readUsername(name) : undefined;
    if (username !== undefined) return { kind: "username", value: username };
    return { kind: "other", value: `tag ${String(name.tag)}, ${Buffer.from(name.content).toString("hex")}` };
  });
}

/** OtherName { type-id, [0] EXPLICIT value } (RFC 5280 §4.2.1.6) with Fulcio's identifier. */
function readUsername(name: DerElement): string | undefined {
  const [id, wrapped] = derChildren(name);
  if (wrapped === undefined || parseObjectIdentifier(id) !== USERNAME) return undefined;
  return decodeUtf8(derContent(derChildren(wrapped)[0], DER_TAG.utf8String));
}

function readFulcioExtension({ oid, value }: ReadExtension): DescribedExtension {
  const number = Number(oid.slice(FULCIO_ARC.length));
  const known = FULCIO_EXTENSIONS.find((row) => row.number === number);
  const text = number <= RAW_NUMBERS ? decodeUtf8(value) : readString(value);
  return known === undefined ? { oid, value: text } : { oid, name: titleOf(known.name), value: text };
}

/** Any of ASN.1's usual strings: Fulcio writes UTF8String, others have written others. */
function readString(value: Uint8Array): string {
  const element = parseDer(value);
  if (!STRING_TAGS.has(element.tag)) throw new DerError("an extension of Fulcio's is no text");
  return decodeUtf8(element.content);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new MayflyError("CERTIFICATE_UNREADABLE", "a text in the certificate is not UTF-8", { cause });
  }
}

const ABBREVIATIONS: Readonly<Record<string, string>> = { Uri: "URI", Sha: "SHA", Github: "GitHub" };

/** `buildSignerUri` as `Build Signer URI`. */
function titleOf(name: string): string {
  const words = `${name.charAt(0).toUpperCase()}${name.slice(1)}`.match(/[A-Z][a-z]*/gu) ?? [];
  return words.map((word) => ABBREVIATIONS[word] ?? word).join(" ");
}
