import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { parsePublicKeyFile, readPublicKey } from "../../src/trust/public-key-file.ts";
import { openssl } from "../support/openssl.ts";

const P256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ED25519 = generateKeyPairSync("ed25519");
const pem = ({ publicKey }: typeof P256): string => publicKey.export({ type: "spki", format: "pem" }).toString();
const parse = (text: string) => parsePublicKeyFile(Buffer.from(text));

describe("a public key in a trust file", () => {
  it.each([
    ["on P-256", P256, "PKIX_ECDSA_P256_SHA_256"],
    ["Ed25519", ED25519, "PKIX_ED25519"],
  ])("%s is the DER of its file", (_, key, keyDetails) => {
    const rawBytes = new Uint8Array(key.publicKey.export({ type: "spki", format: "der" }));
    expect(parse(pem(key))).toEqual({ rawBytes, keyDetails });
  });

  it("is read as OpenSSL writes it", () => {
    const text = openssl(["pkey", "-pubout"], Buffer.from(openssl(["genpkey", "-algorithm", "ed25519"])));
    expect(parse(text).keyDetails).toBe("PKIX_ED25519");
  });

  const compressed = openssl(["ec", "-pubin", "-conv_form", "compressed"], Buffer.from(pem(P256)));
  const offCurve = `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([
    P256.publicKey.export({ type: "spki", format: "der" }).subarray(0, 27),
    new Uint8Array(64).fill(1),
  ]).toString("base64")}\n-----END PUBLIC KEY-----\n`;
  it.each([
    ["an RSA key", pem(generateKeyPairSync("rsa", { modulusLength: 2048 })), "neither ECDSA on P-256"],
    ["a key on P-384", pem(generateKeyPairSync("ec", { namedCurve: "P-384" })), "neither ECDSA on P-256"],
    ["a point that is compressed", compressed, "uncompressed"],
    ["two keys", pem(P256) + pem(ED25519), "does not hold one PUBLIC KEY"],
    [
      "a private key",
      P256.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      "does not hold one PUBLIC KEY",
    ],
    ["an empty file", "", "does not hold one PUBLIC KEY"],
    ["text before the key", `key:\n${pem(P256)}`, "does not hold one PUBLIC KEY"],
    ["bytes that are no key", "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "neither ECDSA"],
    ["a point that is not on the curve", offCurve, "not on its curve"],
  ])("is not %s", (_, text, says) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ reason: "TRUST_INVALID", message: expect.stringContaining(says) }),
    );
  });

  it("is not one with bytes after it", () => {
    const spki = P256.publicKey.export({ type: "spki", format: "der" });
    expect(() => readPublicKey(Buffer.concat([spki, Uint8Array.of(0)]))).toThrow("neither ECDSA");
  });
});
