import { describe, expect, it } from "@jest/globals";
import { encodeTbs, encodeTemplate } from "../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../src/core/certificate/lint-template.ts";
import type { CertificateTemplate } from "../../src/core/certificate/template.ts";
import { DerError } from "../../src/core/encoding/der-reader.ts";
import { submissionKey } from "../../src/ctlog/submission-key.ts";
import { makeCa, makeTemplate } from "../support/certificate-fixtures.ts";
import { sha256 } from "../support/log-fixtures.ts";

const VALIDITY = { notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2060, 0, 1) };
const ca = makeCa(VALIDITY);
const issuerKeyHash = sha256(Buffer.from("issuer key"));

function tbsOf(parts: Partial<CertificateTemplate> = {}): Uint8Array {
  return encodeTbs(encodeTemplate(lintTemplate(makeTemplate(ca, parts))), { kind: "none" });
}

function keyOf(tbsCertificate: Uint8Array, hash: Uint8Array = issuerKeyHash): Buffer {
  return Buffer.from(submissionKey({ kind: "precert_entry", issuerKeyHash: hash, tbsCertificate }));
}

const from = (notBeforeMs: number): Uint8Array => tbsOf({ notBeforeMs, notAfterMs: notBeforeMs + 600_000 });

describe("the key of a submission", () => {
  it.each([
    ["a UTCTime", Date.UTC(2026, 10, 22, 9, 8, 7), "261122090807"],
    ["a GeneralizedTime, without its century", Date.UTC(2050, 1, 3, 23, 59, 58), "500203235958"],
  ])("is notBefore and a digest, with %s", (_, notBeforeMs, digits) => {
    const tbs = from(notBeforeMs);
    const digest = sha256(Buffer.concat([Buffer.from([0, 1]), issuerKeyHash, tbs]));
    expect(keyOf(tbs).toString("hex")).toBe(digits + Buffer.from(digest).toString("hex").slice(0, 52));
  });

  it("is the same for the same submission, and another when one octet of it is another", () => {
    const tbs = tbsOf();
    expect(keyOf(Uint8Array.from(tbs))).toEqual(keyOf(tbs));
    expect(keyOf(tbs, sha256(Buffer.from("another key")))).not.toEqual(keyOf(tbs));
    for (const at of [tbs.length - 1, Math.floor(tbs.length / 2)]) {
      const other = Uint8Array.from(tbs);
      other[at] = (other[at] ?? 0) ^ 1;
      expect(keyOf(other)).not.toEqual(keyOf(tbs));
    }
  });

  it("grows with time, across minutes, years and both forms of time", () => {
    const times = [
      Date.UTC(2026, 11, 31, 23, 59, 58),
      Date.UTC(2026, 11, 31, 23, 59, 59),
      Date.UTC(2027, 0, 1),
      Date.UTC(2049, 11, 31, 23, 49),
      Date.UTC(2050, 0, 1),
      Date.UTC(2051, 5, 1),
    ];
    const keys = times.map((time) => keyOf(from(time)));
    expect([...keys].sort((a, b) => Buffer.compare(a, b))).toEqual(keys);
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["no DER", Uint8Array.of(0x30, 0x80, 0, 0)],
    ["an empty SEQUENCE", Uint8Array.of(0x30, 0)],
    ["a TBS that ends before its validity", Uint8Array.of(0x30, 6, 0xa0, 0, 2, 0, 0x30, 0)],
  ])("is refused for %s", (_, tbs) => {
    expect(() => keyOf(tbs)).toThrow(DerError);
  });
});
