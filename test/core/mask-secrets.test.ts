import { generateKeyPairSync } from "node:crypto";

import { describe, expect, it } from "@jest/globals";

import { maskSecrets } from "../../src/core/mask-secrets.ts";

const TOKEN = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${Buffer.from('{"sub":"a"}').toString("base64url")}.c2lnbmF0dXJl`;
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PEM = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const SEC1 = privateKey.export({ type: "sec1", format: "pem" }).toString();

describe("maskSecrets", () => {
  it.each([
    ["a token", `JWS ${TOKEN} is bad`, "JWS [token] is bad"],
    ["a token cut after its header", TOKEN.slice(0, 30), "[token]"],
    ["two tokens", `${TOKEN},${TOKEN}`, "[token],[token]"],
    ["a token after Bearer", `Bearer ${TOKEN}`, "Bearer [token]"],
    ["a PKCS#8 key", `key: ${PEM}`, "key: [private key]\n"],
    ["a SEC 1 key", `key: ${SEC1}`, "key: [private key]\n"],
    ["a key cut in the middle", PEM.slice(0, 100), "[private key]"],
  ])("replaces %s", (_, text, masked) => {
    expect(maskSecrets(text)).toBe(masked);
  });

  it.each([
    ["plain text", "connect ECONNREFUSED 127.0.0.1:443"],
    ["a public key", "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"],
    ["a word that merely contains the letters", "keyJourney"],
    ["nothing", ""],
  ])("leaves %s alone", (_, text) => {
    expect(maskSecrets(text)).toBe(text);
  });

  it("cuts what is too long", () => {
    expect(maskSecrets("x".repeat(5_000))).toBe(`${"x".repeat(2_000)}…`);
    expect(maskSecrets("abcdef", 3)).toBe("abc…");
  });

  it("takes time in proportion to its text, whatever is in it", () => {
    const hostile = ["-----BEGIN ", "eyJ", "-----BEGIN PRIVATE KEY-----"].map((part) => part.repeat(20_000));
    for (const text of hostile) expect(maskSecrets(text).length).toBeLessThanOrEqual(2_001);
  });
});
