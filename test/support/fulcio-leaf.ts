import { expect } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { ByteStream, X509Certificate as SigstoreCertificate } from "@sigstore/core";
import type { CallerKey } from "./caller-keys.ts";

const FULCIO = "1.3.6.1.4.1.57264.1";

/** What stands in the name and in the extensions of a leaf, by the last arc of their object identifiers. */
export interface LeafContent {
  /** As node prints it: `email:a@example.com` or `URI:https://…`. */
  readonly subjectAltName: string;
  /** Extensions in the order of the certificate: 1 to 6 are raw text, the others UTF8String. */
  readonly extensions: readonly (readonly [arc: number, text: string])[];
}

/**
 * Holds a leaf to what each leaf of Fulcio has: the key, empty subject, ten minutes, keyUsage and extKeyUsage exactly,
 * critical SAN with one name, a serial number, one SCT, and the extensions given and no others. Read by node and by
 * `@sigstore/core`, not by us.
 */
export function expectFulcioLeaf(pem: string, key: Pick<CallerKey, "publicKey">, content: LeafContent): void {
  const x509 = new X509Certificate(pem);
  expect(x509.publicKey.equals(key.publicKey)).toBe(true);
  expect({ subject: x509.subject, ca: x509.ca, name: x509.subjectAltName }).toEqual({
    subject: undefined,
    ca: false,
    name: content.subjectAltName,
  });
  expect(x509.validToDate.getTime() - x509.validFromDate.getTime()).toBe(600_000);
  expect(x509.serialNumber).toMatch(/^[0-9A-F]{32,40}$/u);
  const leaf = SigstoreCertificate.parse(pem);
  expect(valueOf(leaf, "2.5.29.15")).toEqual({ critical: true, value: "03020780" });
  expect(valueOf(leaf, "2.5.29.37")).toEqual({ critical: false, value: "300a06082b06010505070303" });
  expect(leaf.extension("2.5.29.17")?.critical).toBe(true);
  expect(leaf.extSCT?.signedCertificateTimestamps).toHaveLength(1);
  expect(fulcioExtensions(leaf)).toEqual(content.extensions);
}

function valueOf(leaf: SigstoreCertificate, oid: string): unknown {
  const extension = leaf.extension(oid);
  return { critical: extension?.critical, value: extension?.value.toString("hex") };
}

/** Fulcio's extensions in the certificate's order; a critical one, or one with bytes beside its text, is not text. */
function fulcioExtensions(leaf: SigstoreCertificate): (readonly [number, string])[] {
  const oids = leaf.extensions.map((extension) => extension.subs[0]?.toOID() ?? "");
  return oids
    .filter((oid) => oid.startsWith(`${FULCIO}.`))
    .map((oid) => {
      const arc = Number(oid.slice(FULCIO.length + 1));
      const extension = leaf.extension(oid);
      if (extension === undefined || extension.critical) return [arc, "critical"] as const;
      return [arc, arc <= 6 ? extension.value.toString("utf8") : utf8String(extension.value)] as const;
    });
}

/** Text of a DER UTF8String without bytes behind it. */
function utf8String(der: Buffer): string {
  const stream = new ByteStream(der);
  const tag = stream.getUint8();
  const first = stream.getUint8();
  const length = first < 0x80 ? first : der.readUIntBE(2, first - 0x80);
  const start = first < 0x80 ? 2 : 2 + first - 0x80;
  return tag === 12 && der.length === start + length
    ? der.toString("utf8", start)
    : `not UTF8String: ${der.toString("hex")}`;
}
