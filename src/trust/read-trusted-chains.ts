import { decodeBase64 } from "../core/encoding/base64.ts";
import { isJsonArray, isJsonObject, JsonError, parseJson } from "../core/encoding/json-reader.ts";
import type { JsonValue } from "../core/encoding/json-reader.ts";
import { MayflyError } from "../core/errors.ts";

const LIMITS = { maxDepth: 16, maxMembers: 10_000 };

/**
 * The chains of the certificate authorities of a TrustedRoot (Sigstore protobuf-specs), as they stand there.
 *
 * @returns DER certificates of each
 * @throws MayflyError `internal` (TRUST_INVALID) when it is none
 */
export function readTrustedChains(trustedRoot: Uint8Array): readonly (readonly Uint8Array[])[] {
  const authorities = list(member(parse(trustedRoot), "certificateAuthorities"));
  return authorities.map((authority) =>
    list(member(member(authority, "certChain"), "certificates")).map((certificate) => {
      const rawBytes = member(certificate, "rawBytes");
      const der = typeof rawBytes === "string" ? decodeBase64(rawBytes) : undefined;
      return der ?? refuse("a certificate in it has no rawBytes");
    }),
  );
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, LIMITS);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new MayflyError("TRUST_INVALID", "the trusted root is not JSON", { cause });
  }
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value.get(name) : refuse(`the trusted root has no object where ${name} belongs`);
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(value) ? value : refuse("the trusted root lacks a list of authorities or certificates");
}

function refuse(what: string): never {
  throw new MayflyError("TRUST_INVALID", what);
}
