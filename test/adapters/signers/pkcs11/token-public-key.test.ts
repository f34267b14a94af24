import { describe, expect, it } from "@jest/globals";
import { createPublicKey, type JsonWebKey } from "node:crypto";
import { generatePrivateKey } from "../../../../src/adapters/signers/memory.ts";
import type { PublicAttributes } from "../../../../src/adapters/signers/pkcs11/token-calls.ts";
import { tokenPublicKey } from "../../../../src/adapters/signers/pkcs11/token-public-key.ts";
import type { SignatureAlgorithm } from "../../../../src/core/certificate/algorithms.ts";

const PARAMETERS: Readonly<Record<string, string>> = {
  "P-256": "06082a8648ce3d030107",
  "P-384": "06052b81040022",
  "P-521": "06052b81040023",
  Ed25519: "06032b6570",
};
const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64url");

function attributesOf(algorithm: SignatureAlgorithm): { attributes: PublicAttributes; der: Buffer } {
  const key = createPublicKey(generatePrivateKey(algorithm));
  const jwk: JsonWebKey = key.export({ format: "jwk" });
  const rights = { canSign: true, asksEachTime: false };
  const der = key.export({ type: "spki", format: "der" });
  if (jwk.kty === "RSA") {
    return { attributes: { ...rights, keyType: 0, modulus: bytes(jwk.n), publicExponent: bytes(jwk.e) }, der };
  }
  const ecParameters = Buffer.from(PARAMETERS[jwk.crv!]!, "hex");
  if (jwk.kty === "OKP") return { attributes: { ...rights, keyType: 0x40, ecParameters, ecPoint: bytes(jwk.x) }, der };
  const ecPoint = Buffer.concat([Buffer.from([4]), bytes(jwk.x), bytes(jwk.y)]);
  return { attributes: { ...rights, keyType: 3, ecParameters, ecPoint }, der };
}

/** In an OCTET STRING. */
const wrapped = (point: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(point.length < 128 ? [4, point.length] : [4, 0x81, point.length]), point]);

const CURVES = ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ecdsa-p521-sha512", "ed25519"] as const;
const kindOf = (attributes: PublicAttributes): unknown => {
  try {
    tokenPublicKey(attributes);
    return "taken";
  } catch (error) {
    return (error as { kind?: unknown }).kind;
  }
};

describe("a public key in a token", () => {
  it.each(CURVES)("is read for %s, with the point bare or in an OCTET STRING", (algorithm) => {
    const { attributes, der } = attributesOf(algorithm);
    expect(Buffer.from(tokenPublicKey(attributes))).toEqual(der);
    const ecPoint = wrapped(attributes.ecPoint!);
    expect(Buffer.from(tokenPublicKey({ ...attributes, ecPoint }))).toEqual(der);
  });

  it("is read for RSA, with and without a leading zero", () => {
    const { attributes, der } = attributesOf("rsa-pkcs1-sha256");
    expect(Buffer.from(tokenPublicKey(attributes))).toEqual(der);
    const modulus = Buffer.concat([Buffer.alloc(1), attributes.modulus!]);
    expect(Buffer.from(tokenPublicKey({ ...attributes, modulus }))).toEqual(der);
  });

  it("is read for Ed25519 by the curve's name", () => {
    const { attributes, der } = attributesOf("ed25519");
    const ecParameters = Buffer.from("130c656477617264733235353139", "hex");
    expect(Buffer.from(tokenPublicKey({ ...attributes, ecParameters }))).toEqual(der);
  });

  const { attributes: ec } = attributesOf("ecdsa-p256-sha256");
  const { attributes: rsa } = attributesOf("rsa-pkcs1-sha256");
  const point = Buffer.from(ec.ecPoint!);
  it.each<[string, PublicAttributes, string]>([
    ["may not sign", { ...ec, canSign: false }, "key-unusable"],
    ["asks for the PIN each time", { ...ec, asksEachTime: true }, "key-unusable"],
    ["is of another curve", { ...ec, ecParameters: Buffer.from("06052b8104000a", "hex") }, "key-unusable"],
    ["has no curve", { ...ec, ecParameters: undefined }, "key-unusable"],
    ["is of another type", { ...ec, keyType: 0x1f }, "key-unusable"],
    ["is Ed25519 of an EC type", { ...ec, ecParameters: Buffer.from("06032b6570", "hex") }, "key-unusable"],
    ["has no point", { ...ec, ecPoint: undefined }, "wrong-answer"],
    [
      "has a compressed point",
      { ...ec, ecPoint: Buffer.concat([Buffer.from([2]), point.subarray(1)]) },
      "wrong-answer",
    ],
    ["has a short point", { ...ec, ecPoint: point.subarray(1) }, "wrong-answer"],
    ["has a point with a tail", { ...ec, ecPoint: Buffer.concat([wrapped(point), Buffer.alloc(1)]) }, "wrong-answer"],
    [
      "has a point off the curve",
      { ...ec, ecPoint: Buffer.concat([point.subarray(0, 64), Buffer.alloc(1, 1)]) },
      "wrong-answer",
    ],
    ["has no modulus", { ...rsa, modulus: undefined }, "wrong-answer"],
  ])("is refused when it %s", (_, attributes, kind) => {
    expect(kindOf(attributes)).toBe(kind);
  });
});
