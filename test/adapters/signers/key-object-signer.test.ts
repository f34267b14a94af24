import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { describe, expect, it } from "@jest/globals";

import { makeKeyObjectSigner } from "../../../src/adapters/signers/key-object-signer.ts";

const foreignKeys: readonly (readonly [string, () => KeyObject])[] = [
  ["P-224", () => generateKeyPairSync("ec", { namedCurve: "secp224r1" }).privateKey],
  ["secp256k1", () => generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey],
  ["RSA with 1024 bits", () => generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey],
  ["RSA-PSS", () => generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey],
  ["Ed448", () => generateKeyPairSync("ed448").privateKey],
  ["X25519", () => generateKeyPairSync("x25519").privateKey],
];

describe("makeKeyObjectSigner", () => {
  it.each(foreignKeys)("refuses %s", (_, generate) => {
    const key = generate();
    expect(() => makeKeyObjectSigner(key)).toThrow(expect.objectContaining({ reason: "SIGNER_KEY_MISMATCH" }));
  });

  it("refuses a public key as a mistake of ours", () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    expect(() => makeKeyObjectSigner(publicKey)).toThrow(TypeError);
  });
});
