import { hash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkKey } from "../../../src/core/proof/key-policy.ts";
import type { CheckedKey } from "../../../src/core/proof/key-policy.ts";
import { parsePublicKey } from "../../../src/core/proof/parse-public-key.ts";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import { mutationsOf } from "../../fuzz/mutate.ts";
import { flipBit, makeKey, pemOf, reasonOf, spkiOf } from "../../support/caller-keys.ts";
import { REFUSED_KEYS, WEAK_ED25519_KEYS } from "../../support/refused-keys.ts";

const NONE: ReadonlySet<string> = new Set();
const judge = (key: Uint8Array, forbidden = NONE): CheckedKey =>
  checkKey(parsePublicKey(key), { forbiddenKeys: forbidden });
const reason = (key: Uint8Array): Promise<string> => reasonOf(() => judge(key));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (value: string): Buffer => Buffer.from(value);
const pem = (spki: Uint8Array, label = "PUBLIC KEY"): Buffer => text(encodePem(label, spki));

const TYPES = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"] as const;
const keys = new Map(TYPES.map((type) => [type, makeKey(type)]));
const key = (type: (typeof TYPES)[number]): Buffer => spkiOf(keys.get(type)!.publicKey);

const p256 = key("ecdsa-p256");
const rsa = key("rsa-2048");
const rsaPkcs1 = keys.get("rsa-2048")!.publicKey.export({ type: "pkcs1", format: "der" });
const ed25519 = key("ed25519");
const p256Pem = pem(p256).toString();

describe("keys that are accepted", () => {
  it.each(TYPES)("K02: accepts %s as PEM and as DER, and keeps node's encoding", (type) => {
    const pair = keys.get(type)!;
    for (const sent of [pemOf(pair.publicKey), spkiOf(pair.publicKey)]) {
      const checked = judge(sent);
      expect(checked.algorithm).toBe(type);
      expect(Buffer.from(checked.spki).equals(spkiOf(pair.publicKey))).toBe(true);
      expect(checked.keyObject.equals(pair.publicKey)).toBe(true);
    }
  });

  it.each(["rsa-2048", "rsa-3072", "rsa-4096"] as const)("K02: accepts %s as RSA PUBLIC KEY", (type) => {
    const { publicKey } = keys.get(type)!;
    const checked = judge(Buffer.from(publicKey.export({ type: "pkcs1", format: "pem" })));
    expect(checked.algorithm).toBe(type);
    expect(Buffer.from(checked.spki).equals(spkiOf(publicKey))).toBe(true);
  });

  it.each([
    ["LF", p256Pem],
    ["CRLF", p256Pem.replaceAll("\n", "\r\n")],
    ["a final newline", `${p256Pem}\n`],
    ["one base64 line", `-----BEGIN PUBLIC KEY-----\n${p256.toString("base64")}\n-----END PUBLIC KEY-----`],
  ])("K04: accepts PEM with %s", async (_name, sent) => {
    expect(await reason(text(sent))).toBe("accepted");
  });

  it("accepts P-256 points whose coordinates start with zeros", () => {
    for (let found = 0; found < 2;) {
      const fresh = spkiOf(makeKey("ecdsa-p256").publicKey);
      if (fresh[27] !== 0 && fresh[59] !== 0) continue;
      found += 1;
      expect(judge(fresh).algorithm).toBe("ecdsa-p256");
    }
  });
});

describe("keys that are refused", () => {
  it.each(REFUSED_KEYS)("%s: %s", async (_row, name, sent, expected) => {
    expect([name, await reason(sent)]).toEqual([name, expected]);
  });

  it("K21: refuses the service's own keys in every form they can be sent in", async () => {
    const forbidden = new Set([hash("sha256", rsa, "hex"), hash("sha256", p256, "hex")]);
    for (const sent of [p256, pem(p256), rsa, pem(rsa), pem(rsaPkcs1, "RSA PUBLIC KEY")]) {
      expect(await reasonOf(() => judge(sent, forbidden))).toBe("KEY_IS_OURS");
    }
    expect(await reasonOf(() => judge(ed25519, forbidden))).toBe("accepted");
  });
});

describe("Ed25519 points", () => {
  it.each(WEAK_ED25519_KEYS)("%s: refuses a %s", async (_row, _name, sent, expected) => {
    expect(await reason(sent)).toBe(expected);
  });

  it("K20: are refused in fourteen encodings of small order and nineteen that are not reduced, with either sign", () => {
    expect(WEAK_ED25519_KEYS.filter(([, name]) => name.startsWith("point"))).toHaveLength(14);
    expect(WEAK_ED25519_KEYS.filter(([, name]) => name.startsWith("y"))).toHaveLength(38);
  });

  it("K20: accepts p − 2, the largest y that is no small-order point", async () => {
    const y = (2n ** 255n - 21n).toString(16).padStart(64, "0");
    const point = hex(y).reverse();
    expect(await reason(Buffer.concat([hex("302a300506032b6570032100"), point]))).toBe("accepted");
  });
});

describe("bytes nobody meant", () => {
  it.each([["ecdsa-p256"], ["ecdsa-p384"], ["ecdsa-p521"]] as const)(
    "refuses %s with any single bit changed",
    async (type) => {
      const original = key(type);
      for (let bit = 0; bit < original.length * 8; bit++) {
        expect([bit, await reason(flipBit(original, bit))]).not.toEqual([bit, "accepted"]);
      }
    },
  );

  it("refuses RSA with any single bit of its structure changed", async () => {
    for (const at of [...Array(33).keys(), ...Array.from({ length: 5 }, (_, i) => rsa.length - 5 + i)]) {
      for (let bit = 0; bit < 8; bit++) {
        expect([at, bit, await reason(flipBit(rsa, at * 8 + bit))]).not.toEqual([at, bit, "accepted"]);
      }
    }
  });

  it("throws nothing but MayflyError, whatever is changed", async () => {
    const originals = [...TYPES.map((type) => key(type)), pem(p256), pem(rsaPkcs1, "RSA PUBLIC KEY")];
    await fc.assert(
      fc.asyncProperty(mutationsOf(originals), async (bytes) => {
        await reason(bytes);
      }),
      { seed: 20261122, numRuns: 2_000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        expect(await reason(bytes)).not.toBe("accepted");
        expect(await reason(Buffer.concat([Buffer.of(0x30), bytes]))).not.toBe("accepted");
      }),
      { seed: 20261122, numRuns: 1_000 },
    );
  });
});
