import { describe, expect, it } from "@jest/globals";
import { createPublicKey, generateKeyPairSync, generatePrimeSync, type JsonWebKey } from "node:crypto";
import { parseJwks, selectKeys } from "../../../src/adapters/oidc/jwks.ts";
import { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import { readVector } from "../../support/vectors.ts";

const rsaKey = (modulusLength: number, publicExponent = 65_537): JsonWebKey =>
  generateKeyPairSync("rsa", { modulusLength, publicExponent }).publicKey.export({ format: "jwk" });
const ecKey = (namedCurve: string): JsonWebKey =>
  generateKeyPairSync("ec", { namedCurve }).publicKey.export({ format: "jwk" });

const RSA = rsaKey(2048);
const P256 = ecKey("P-256");
const ED25519 = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const hex = (digits: string): string => Buffer.from(digits, "hex").toString("base64url");
const edited = (text: string | undefined, edit: (octets: Buffer) => Uint8Array): string =>
  Buffer.from(edit(Buffer.from(text ?? "", "base64url"))).toString("base64url");

/** How many keys are used of a set of one good key and the one in question. */
const used = (jwk: unknown): number => parseJwks(bytes({ keys: [{ ...P256, kid: "good" }, jwk] })).keys.length;

const P256_P = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

const encoded = (n: bigint): string => Buffer.from(n.toString(16), "hex").toString("base64url");
const divisibleByThree = (n: Uint8Array): Uint8Array => {
  const multiple = (BigInt(`0x${Buffer.from(n).toString("hex")}`) / 3n) * 3n;
  return Buffer.from((multiple % 2n === 1n ? multiple : multiple + 3n).toString(16), "hex");
};
const ONE_PRIME = generatePrimeSync(1024, { bigint: true });
/** A published key of 2,048 bits. */
const ROCA = createPublicKey({
  key: Buffer.from((readVector("invalid/rsa-roca.json") as { keys: string[] }).keys[0]!, "base64"),
  format: "der",
  type: "spki",
}).export({ format: "jwk" });

describe("parseJwks", () => {
  it.each<[string, JsonWebKey, string[]]>([
    ["RSA", RSA, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]],
    ["P-256", P256, ["ES256"]],
    ["P-384", ecKey("P-384"), ["ES384"]],
    ["P-521", ecKey("P-521"), ["ES512"]],
    ["Ed25519", ED25519, ["EdDSA", "Ed25519"]],
  ])("uses %s keys for the algorithms of their type", (_name, jwk, algorithms) => {
    const set = parseJwks(
      bytes({ keys: [{ ...jwk, kid: "a", use: "sig", key_ops: ["verify"], x5c: ["AAAA"], x5u: 1 }] }),
    );
    expect(set).toMatchObject({ keys: [{ kid: "a", algorithms }], skipped: 0 });
    expect(set.keys[0]?.keyObject.export({ format: "jwk" })).toEqual(jwk);
  });

  it("uses a key that names its algorithm for that one alone", () => {
    const set = parseJwks(bytes({ keys: [{ ...RSA, alg: "PS256" }] }));
    expect(selectKeys(set, { alg: "PS256" })).toHaveLength(1);
    expect(selectKeys(set, { alg: "RS256" })).toHaveLength(0);
  });

  it.each<[string, unknown]>([
    ["I03 a string", "key"],
    ["I03 null", null],
    ["I03 an array", [P256]],
    ["I03 without kty", { ...P256, kty: undefined }],
    ["I03 with a numeric member", { ...P256, x: 1 }],
    ["I03 with a numeric kid", { ...P256, kid: 1 }],
    ["I03 with a kid of 257 characters", { ...P256, kid: "k".repeat(257) }],
    ["I04 private", { ...P256, d: "AAAA" }],
    ["I04 private, RSA", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" })],
    ["I04 symmetric", { kty: "oct", k: "c2VjcmV0" }],
    ["I04 symmetric and RSA", { ...RSA, k: "c2VjcmV0" }],
    ["I06 RSA-1024", rsaKey(1024)],
    ["I06 RSA-2047", { ...RSA, n: edited(RSA.n, (n) => Buffer.from([(n[0]! & 0x7f) | 0x40, ...n.subarray(1)])) }],
    ["I06 RSA above 8192", { ...RSA, n: edited(RSA.n, (n) => Buffer.concat([n, n, n, n, n])) }],
    ["I06 e = 1", { ...RSA, e: "AQ" }],
    ["I06 e = 2", { ...RSA, e: "Ag" }],
    ["I06 e = 3", rsaKey(2048, 3)],
    ["I06 e = 65536", { ...RSA, e: "AQAA" }],
    ["I06 e = 65535", { ...RSA, e: hex("ffff") }],
    ["I06 e of nine octets", { ...RSA, e: hex("010000000000000001") }],
    ["I06 an empty e", { ...RSA, e: "" }],
    ["I06 an even modulus", { ...RSA, n: edited(RSA.n, (n) => Buffer.from([...n.subarray(0, -1), n.at(-1)! & 0xfe])) }],
    ["I06 with a factor of 3", { ...RSA, n: edited(RSA.n, divisibleByThree) }],
    ["I06 with one factor twice", { ...RSA, n: encoded(ONE_PRIME ** 2n) }],
    ["I06 with the ROCA fingerprint", ROCA],
    ["I06 a leading zero in n", { ...RSA, n: edited(RSA.n, (n) => Buffer.concat([Buffer.alloc(1), n])) }],
    ["I06 a leading zero in e", { ...RSA, e: hex("00010001") }],
    ["I07 P-192", { kty: "EC", crv: "P-192", x: hex("00".repeat(24)), y: hex("00".repeat(24)) }],
    ["I07 secp256k1", ecKey("secp256k1")],
    ["I07 off curve", { ...P256, y: edited(P256.y, (y) => Buffer.from([...y.subarray(0, -1), y.at(-1)! ^ 1])) }],
    ["I07 (0, 0)", { ...P256, x: hex("00".repeat(32)), y: hex("00".repeat(32)) }],
    ["I07 x = p", { ...P256, x: hex(P256_P) }],
    ["I07 x = 2^256 − 1", { ...P256, x: hex("ff".repeat(32)) }],
    ["I07 a short x", { ...P256, x: edited(P256.x, (x) => x.subarray(1)) }],
    ["I07 a long x", { ...P256, x: edited(P256.x, (x) => Buffer.concat([Buffer.alloc(1), x])) }],
    ["I07 P-256 coordinates under P-384", { ...P256, crv: "P-384" }],
    ["I07 padded base64", { ...P256, x: `${P256.x ?? ""}=` }],
    ["I08 Ed448", generateKeyPairSync("ed448").publicKey.export({ format: "jwk" })],
    ["I08 X25519", generateKeyPairSync("x25519").publicKey.export({ format: "jwk" })],
    ["I08 the Ed25519 identity", { ...ED25519, x: hex(`01${"00".repeat(31)}`) }],
    ["I08 Ed25519 of order 2", { ...ED25519, x: hex(`ec${"ff".repeat(30)}7f`) }],
    ["I08 Ed25519 of order 4", { ...ED25519, x: hex("00".repeat(32)) }],
    ["I08 Ed25519 of order 4, other sign", { ...ED25519, x: hex(`${"00".repeat(31)}80`) }],
    [
      "I08 Ed25519 of order 8",
      { ...ED25519, x: hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a") },
    ],
    ["I08 a y of p", { ...ED25519, x: hex(`ed${"ff".repeat(30)}7f`) }],
    ["I08 31 octets", { ...ED25519, x: hex("11".repeat(31)) }],
    ["I09 for encryption", { ...P256, use: "enc" }],
    ["I09 with an empty use", { ...P256, use: "" }],
    ["I09 that may only sign", { ...P256, key_ops: ["sign"] }],
    ["I09 whose key_ops is a text", { ...P256, key_ops: "verify" }],
    ["I09 whose alg is another type's", { ...P256, alg: "RS256" }],
    ["I09 whose alg is another curve's", { ...P256, alg: "ES384" }],
    ["I09 whose alg is none", { ...P256, alg: "none" }],
    ["I09 whose alg is for encryption", { ...RSA, alg: "RSA-OAEP" }],
  ])("leaves out and counts a member that is %s", (_name, jwk) => {
    expect(used(jwk)).toBe(1);
    expect(parseJwks(bytes({ keys: [P256, jwk] })).skipped).toBe(1);
  });

  it("I05: keeps one of two equal keys, and both of two keys with one name", () => {
    expect(
      parseJwks(
        bytes({
          keys: [
            { ...P256, kid: "a" },
            { ...P256, kid: "a" },
          ],
        }),
      ).keys,
    ).toHaveLength(1);
    const twins = parseJwks(
      bytes({
        keys: [
          { ...P256, kid: "a" },
          { ...ecKey("P-256"), kid: "a" },
        ],
      }),
    );
    expect(selectKeys(twins, { alg: "ES256", kid: "a" })).toHaveLength(2);
  });

  it.each<[string, unknown]>([
    ["I02 no keys", {}],
    ["I02 keys that are no array", { keys: { a: P256 } }],
    ["I02 an empty set", { keys: [] }],
    ["I02 only unusable keys", { keys: [{ kty: "oct", k: "AAAA" }] }],
    ["I01 101 keys", { keys: Array.from({ length: 101 }, () => P256) }],
    ["an array", [P256]],
    ["H14 a member given twice", '{"keys":[],"keys":[]}'],
    ["H14 a member given twice in a key", '{"keys":[{"kty":"EC","kty":"RSA"}]}'],
    ["HTML", "<html></html>"],
    ["nothing", ""],
  ])("fails on %s", (_name, set) => {
    expect(() => parseJwks(bytes(set))).toThrow(IssuerFailure);
  });
});

describe("selectKeys", () => {
  const many = parseJwks(
    bytes({ keys: [RSA, ...Array.from({ length: 12 }, (_, index) => ({ ...ecKey("P-256"), kid: `k${index}` }))] }),
  );

  it("E05: gives at most ten keys to a token without kid, all of its algorithm's type", () => {
    const keys = selectKeys(many, { alg: "ES256" });
    expect(keys).toHaveLength(10);
    expect(keys.every(({ algorithms }) => algorithms.includes("ES256"))).toBe(true);
  });

  it("gives the named key alone to a token with kid, and none when the name is another", () => {
    expect(selectKeys(many, { alg: "ES256", kid: "k11" })).toEqual([many.keys[12]]);
    expect(selectKeys(many, { alg: "ES256", kid: "K11" })).toEqual([]);
    expect(selectKeys(many, { alg: "RS256", kid: "k11" })).toEqual([]);
  });
});
