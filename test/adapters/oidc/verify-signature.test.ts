import { constants, createPrivateKey, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { compactVerify, CompactSign, exportPKCS8 } from "jose";
import type { JsonObject, JsonValue } from "../../../src/core/encoding/json-reader.ts";
import { importJwk } from "../../../src/adapters/oidc/jwk.ts";
import type { JwsAlgorithm } from "../../../src/core/identity/jws-algorithms.ts";
import { verifySignature } from "../../../src/adapters/oidc/verify-signature.ts";
import { makeKey, type IssuerKey } from "./local-issuer.ts";

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const;
const EC = ["ES256", "ES384", "ES512"] as const;
const ALL: readonly JwsAlgorithm[] = [...RSA, ...EC, "EdDSA", "Ed25519"];

const PAYLOAD = new TextEncoder().encode('{"iss":"https://issuer.example"}');

function imported({ jwk }: IssuerKey) {
  const key = importJwk(new Map(Object.entries(jwk) as [string, JsonValue][]) satisfies JsonObject);
  if (key === undefined) throw new TypeError("not a key that verifies tokens");
  return key;
}

async function mint(alg: JwsAlgorithm, { privateKey }: IssuerKey): Promise<string> {
  return new CompactSign(PAYLOAD).setProtectedHeader({ alg }).sign(privateKey);
}

async function joseAccepts(token: string, { publicKey }: IssuerKey): Promise<boolean> {
  return compactVerify(token, publicKey).then(
    () => true,
    () => false,
  );
}

/** The token again, with another signature. */
function resigned(token: string, change: (signature: Buffer) => Uint8Array): string {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const other = Buffer.from(change(Buffer.from(signature, "base64url"))).toString("base64url");
  return [header, payload, other].join(".");
}

const SPOILED: readonly [string, (signature: Buffer) => Uint8Array][] = [
  ["a bit flipped at its start", (bytes) => Buffer.concat([Buffer.of((bytes[0] ?? 0) ^ 1), bytes.subarray(1)])],
  ["a bit flipped at its end", (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)])],
  ["one octet too few", (bytes) => bytes.subarray(0, -1)],
  ["one octet too many", (bytes) => Buffer.concat([bytes, Buffer.of(0)])],
  ["a zero octet before it", (bytes) => Buffer.concat([Buffer.of(0), bytes])],
  ["only zeros", (bytes) => Buffer.alloc(bytes.length)],
  ["only ones", (bytes) => Buffer.alloc(bytes.length, 0xff)],
];

describe.each(ALL)("The signature of a token under %s", (alg) => {
  it("verifies by the key that made it, among others, as jose says too", async () => {
    const [key, other] = await Promise.all([makeKey(alg), makeKey(alg)]);
    const token = await mint(alg, key);
    expect(await joseAccepts(token, key)).toBe(true);
    expect(await verifySignature(token, alg, [imported(key)])).toBe(true);
    expect(await verifySignature(token, alg, [imported(other), imported(key)])).toBe(true);
    expect(await verifySignature(token, alg, [imported(other)])).toBe(false);
    expect(await verifySignature(token, alg, [])).toBe(false);
  });

  it.each(SPOILED)("does not verify with %s, as jose says too", async (_what, change) => {
    const key = await makeKey(alg);
    const token = resigned(await mint(alg, key), change);
    expect(await joseAccepts(token, key)).toBe(false);
    expect(await verifySignature(token, alg, [imported(key)])).toBe(false);
  });

  it("does not verify over another payload", async () => {
    const key = await makeKey(alg);
    const [header = "", , signature = ""] = (await mint(alg, key)).split(".");
    const token = [header, Buffer.from("{}").toString("base64url"), signature].join(".");
    expect(await verifySignature(token, alg, [imported(key)])).toBe(false);
  });
});

describe("The signature of a token", () => {
  it.each(RSA.flatMap((made) => RSA.filter((said) => said !== made).map((said) => [made, said] as const)))(
    "made under %s does not verify as %s by the same RSA key",
    async (made, said) => {
      const key = await makeKey(made);
      expect(await verifySignature(await mint(made, key), said, [imported({ ...key, alg: said })])).toBe(false);
    },
  );

  it.each([
    ["no salt", 0],
    ["a salt shorter than the hash", 20],
    ["the longest salt that fits", constants.RSA_PSS_SALTLEN_MAX_SIGN],
  ])("by RSASSA-PSS with %s does not verify (RFC 7518 §3.5)", async (_what, saltLength) => {
    const key = await makeKey("PS256");
    const privateKey = createPrivateKey(await exportPKCS8(key.privateKey));
    const token = await mint("PS256", key);
    const input = Buffer.from(token.slice(0, token.lastIndexOf(".")));
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const spoiled = resigned(token, () => sign("sha256", input, { key: privateKey, padding, saltLength }));
    expect(await verifySignature(spoiled, "PS256", [imported(key)])).toBe(false);
    const sound = resigned(token, () => sign("sha256", input, { key: privateKey, padding, saltLength: 32 }));
    expect(await verifySignature(sound, "PS256", [imported(key)])).toBe(true);
  });

  it.each(EC)("under %s does not verify as DER, the form that X.509 has (RFC 7518 §3.4)", async (alg) => {
    const key = await makeKey(alg);
    const privateKey = createPrivateKey(await exportPKCS8(key.privateKey));
    const token = await mint(alg, key);
    const input = Buffer.from(token.slice(0, token.lastIndexOf(".")));
    const der = resigned(token, () => sign(`sha${alg.slice(2)}`, input, privateKey));
    expect(await joseAccepts(der, key)).toBe(false);
    expect(await verifySignature(der, alg, [imported(key)])).toBe(false);
  });
});
