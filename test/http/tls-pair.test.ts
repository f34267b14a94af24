import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { describeCauses } from "../../src/core/errors.ts";
import type { MayflyError } from "../../src/core/errors.ts";
import { parseTlsPair } from "../../src/http/tls-pair.ts";
import { openssl } from "../support/openssl.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-tls-pair-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const one = makeTestTlsPair(folder, "one");
const other = makeTestTlsPair(folder, "other");
const encrypted = createPrivateKey(one.key).export({
  type: "pkcs8",
  format: "pem",
  cipher: "aes-256-cbc",
  passphrase: "a passphrase of a test",
});
const weak = (() => {
  const [certificate, key] = [join(folder, "weak.crt"), join(folder, "weak.key")];
  const output = ["-keyout", key, "-out", certificate];
  openssl(["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "1", "-subj", "/CN=weak", ...output]);
  return { certificate: openssl(["x509", "-in", certificate]), key: openssl(["pkey", "-in", key]) };
})();

/** A pair's refusal, which must not show any of the key. */
function refusalOf(files: { certificate: string; key: string }, nowMs = Date.now()): string {
  try {
    parseTlsPair(files, nowMs);
  } catch (error) {
    const text = describeCauses(error);
    expect((error as MayflyError).reason).toBe("TLS_PAIR_INVALID");
    for (const line of files.key.split("\n").filter((part) => part.length > 20)) expect(text).not.toContain(line);
    return text;
  }
  return "accepted";
}

describe("a TLS certificate and its key", () => {
  it("[FC40] are taken when they belong together", () => {
    const pair = parseTlsPair(one, Date.now());
    const { validToDate, fingerprint256 } = new X509Certificate(one.certificate);
    expect(pair).toMatchObject({
      certificate: one.certificate,
      key: one.key,
      notAfterMs: validToDate.getTime(),
      fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
    });
  });

  it("are taken with the rest of a chain behind the certificate", () => {
    expect(refusalOf({ certificate: `${one.certificate}${other.certificate}`, key: one.key })).toBe("accepted");
  });

  it.each([
    ["[FC37] neither is PEM", { certificate: "no certificate", key: "no key" }, "the certificate cannot be used"],
    ["[FC38] the key is not PEM", { certificate: one.certificate, key: "no key" }, "the key cannot be used"],
    ["[FC38] the key is empty", { certificate: one.certificate, key: "" }, "the key cannot be used"],
    [
      "[FC38] the key is cut",
      { certificate: one.certificate, key: one.key.slice(0, one.key.length / 2) },
      "the key cannot be used",
    ],
    [
      "[FC38] the key is a certificate",
      { certificate: one.certificate, key: one.certificate },
      "the key cannot be used",
    ],
    [
      "[FC38] the key is encrypted",
      { certificate: one.certificate, key: encrypted.toString() },
      "the key cannot be used: it is encrypted; expected one in clear",
    ],
    ["[FC39] the certificate is not PEM", { certificate: "no", key: one.key }, "the certificate cannot be used"],
    ["[FC39] the certificate is empty", { certificate: "", key: one.key }, "the certificate cannot be used"],
    [
      "[FC39] the certificate is cut",
      { certificate: one.certificate.slice(0, 200), key: one.key },
      "the certificate cannot be used",
    ],
    ["[FC39] the certificate is a key", { certificate: one.key, key: one.key }, "the certificate cannot be used"],
    [
      "[FC39] what stands behind the certificate is damaged",
      { certificate: `${one.certificate}${other.certificate.replace("MII", "MIJ")}`, key: one.key },
      "the certificate cannot be used",
    ],
    [
      "the key is that of another certificate",
      { certificate: one.certificate, key: other.key },
      "the key is not that of the certificate",
    ],
    ["the key is too short for TLS", weak, "the certificate cannot be used"],
  ])("are refused when %s", (_case, files, says) => {
    expect(refusalOf(files)).toContain(says);
  });

  it("are refused from the moment on at which the certificate expires", () => {
    const notAfterMs = new X509Certificate(one.certificate).validToDate.getTime();
    expect(refusalOf(one, notAfterMs - 1)).toBe("accepted");
    expect(refusalOf(one, notAfterMs)).toContain(`the certificate expired at ${new Date(notAfterMs).toISOString()}`);
  });
});
