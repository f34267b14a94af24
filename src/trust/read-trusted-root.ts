import { decodeBase64 } from "../core/encoding/base64.ts";
import { isJsonArray, isJsonObject, JsonError, parseJson } from "../core/encoding/json-reader.ts";
import type { JsonValue } from "../core/encoding/json-reader.ts";
import { MayflyError } from "../core/errors.ts";

/** When something is trusted, milliseconds since the Unix epoch, ends included; without end where that is infinite. */
export interface TrustedTime {
  readonly startMs: number;
  readonly endMs: number;
}

/** What of a TrustedRoot (Sigstore protobuf-specs) certificates are verified with. */
export interface ReadTrustedRoot {
  readonly authorities: readonly {
    /** DER, issuing CA first, root last. */
    readonly certificates: readonly Uint8Array[];
    readonly validFor: TrustedTime;
  }[];
  readonly ctLogs: readonly {
    /** DER SubjectPublicKeyInfo. */
    readonly publicKey: Uint8Array;
    readonly validFor: TrustedTime;
  }[];
}

const LIMITS = { maxDepth: 16, maxMembers: 10_000 };

/**
 * Reads authorities and logs of certificates out of a TrustedRoot.
 *
 * @throws MayflyError `internal` (TRUST_INVALID) when it is none
 */
export function readTrustedRoot(trustedRoot: Uint8Array): ReadTrustedRoot {
  const root = parse(trustedRoot);
  return {
    authorities: list(member(root, "certificateAuthorities")).map((authority) => ({
      certificates: list(member(member(authority, "certChain"), "certificates")).map((one) => bytes(one, "rawBytes")),
      validFor: timeOf(member(authority, "validFor")),
    })),
    ctLogs: optionalList(member(root, "ctlogs")).map((log) => {
      const key = member(log, "publicKey");
      return { publicKey: bytes(key, "rawBytes"), validFor: timeOf(member(key, "validFor")) };
    }),
  };
}

function parse(text: Uint8Array): JsonValue {
  try {
    return parseJson(text, LIMITS);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new MayflyError("TRUST_INVALID", "the trusted root is not JSON", { cause });
  }
}

function timeOf(validFor: JsonValue | undefined): TrustedTime {
  if (validFor === undefined) return { startMs: -Infinity, endMs: Infinity };
  return { startMs: momentOf(validFor, "start", -Infinity), endMs: momentOf(validFor, "end", Infinity) };
}

function momentOf(validFor: JsonValue, name: string, open: number): number {
  const text = member(validFor, name);
  if (text === undefined) return open;
  const ms = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? refuse(`${name} of a validFor in it is no time`) : ms;
}

function bytes(value: JsonValue | undefined, name: string): Uint8Array {
  const text = member(value, name);
  const decoded = typeof text === "string" ? decodeBase64(text) : undefined;
  return decoded ?? refuse(`a certificate or key in it has no ${name}`);
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value.get(name) : refuse(`the trusted root has no object where ${name} belongs`);
}

function optionalList(value: JsonValue | undefined): readonly JsonValue[] {
  return value === undefined ? [] : list(value);
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(value) ? value : refuse("the trusted root lacks a list of authorities or certificates");
}

function refuse(what: string): never {
  throw new MayflyError("TRUST_INVALID", what);
}
