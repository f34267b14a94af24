import { createPublicKey } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import { KeyFailure } from "../remote/key-failure.ts";
import { CKK } from "./cryptoki.ts";
import type { PublicAttributes } from "./token-calls.ts";

interface Curve {
  readonly crv: string;
  readonly coordinateBytes: number;
}

/** By CKA_EC_PARAMS: the curve's object identifier in DER, hexadecimal. */
const CURVES: ReadonlyMap<string, Curve> = new Map([
  ["06082a8648ce3d030107", { crv: "P-256", coordinateBytes: 32 }],
  ["06052b81040022", { crv: "P-384", coordinateBytes: 48 }],
  ["06052b81040023", { crv: "P-521", coordinateBytes: 66 }],
]);

/** Ed25519 by its object identifier (RFC 8410), and by its name (PKCS #11 v3.0, §2.3.10). */
const ED25519: ReadonlySet<string> = new Set(["06032b6570", "130c656477617264733235353139"]);

/**
 * DER SubjectPublicKeyInfo of a key pair in a token.
 *
 * @throws KeyFailure `key-unusable` for one that does not sign as Mayfly does, `wrong-answer` for attributes that are no key
 */
export function tokenPublicKey(attributes: PublicAttributes): Uint8Array {
  const { canSign, asksEachTime } = attributes;
  if (!canSign) throw new KeyFailure("key-unusable", "the private key may not sign (CKA_SIGN)");
  if (asksEachTime) {
    throw new KeyFailure("key-unusable", "the private key asks for the PIN each time (CKA_ALWAYS_AUTHENTICATE)");
  }
  try {
    return createPublicKey({ key: jwkOf(attributes), format: "jwk" }).export({ type: "spki", format: "der" });
  } catch (error) {
    if (error instanceof KeyFailure) throw error;
    throw new KeyFailure("wrong-answer", "the attributes of the public key are no key");
  }
}

function jwkOf({ keyType, modulus, publicExponent, ecParameters, ecPoint }: PublicAttributes): JsonWebKey {
  const parameters = Buffer.from(ecParameters ?? []).toString("hex");
  if (keyType === CKK.RSA) return { kty: "RSA", n: integer(modulus), e: integer(publicExponent) };
  const curve = CURVES.get(parameters);
  if (keyType === CKK.EC && curve !== undefined) {
    const { crv, coordinateBytes: length } = curve;
    const point = bare(ecPoint, 1 + 2 * length);
    if (point[0] !== 4) throw new KeyFailure("wrong-answer", "CKA_EC_POINT is not uncompressed");
    return { kty: "EC", crv, x: base64Url(point.subarray(1, 1 + length)), y: base64Url(point.subarray(1 + length)) };
  }
  if (keyType === CKK.EC_EDWARDS && ED25519.has(parameters)) {
    return { kty: "OKP", crv: "Ed25519", x: base64Url(bare(ecPoint, 32)) };
  }
  throw new KeyFailure("key-unusable", `Mayfly does not sign with a key of type ${keyType} ${parameters}`.trim());
}

/** A point as it is, or in a DER OCTET STRING, which the standard asks for and some modules leave out. */
function bare(point: Uint8Array | undefined, length: number): Uint8Array {
  const bytes = point ?? new Uint8Array();
  if (bytes.length === length) return bytes;
  const header = length < 128 ? [4, length] : [4, 0x81, length];
  const isWrapped = bytes.length === header.length + length && header.every((byte, at) => bytes[at] === byte);
  if (!isWrapped) throw new KeyFailure("wrong-answer", `CKA_EC_POINT has ${bytes.length} bytes`);
  return bytes.subarray(header.length);
}

/** Big-endian, without leading zeros (RFC 7518 §2, Base64urlUInt). */
function integer(bytes: Uint8Array | undefined): string {
  const start = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  if (bytes === undefined || start === -1) throw new KeyFailure("wrong-answer", "a public key without its numbers");
  return base64Url(bytes.subarray(start));
}

const base64Url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
