import { decodeBase64 } from "../core/encoding/base64.ts";
import { isJsonArray, isJsonObject, JsonError, parseJson } from "../core/encoding/json-reader.ts";
import type { JsonValue } from "../core/encoding/json-reader.ts";
import { MayflyError } from "../core/errors.ts";

const JSON_LIMITS = { maxDepth: 16, maxMembers: 20_000 };

/**
 * Where the certificate logs of a trusted root are.
 *
 * @param trustedRoot a Sigstore TrustedRoot as JSON, anybody's
 * @returns base URLs without a final slash by log id, lower-case hex
 * @throws MayflyError TRUST_INVALID
 */
export function readLogAddresses(trustedRoot: Uint8Array): ReadonlyMap<string, string> {
  const logs = memberOf(readJson(trustedRoot), "ctlogs");
  if (!isJsonArray(logs)) throw new MayflyError("TRUST_INVALID", "no trusted root: it has no list of ctlogs");
  return new Map(logs.map(readLog));
}

function readLog(log: JsonValue): [string, string] {
  const baseUrl = memberOf(log, "baseUrl");
  const keyId = memberOf(memberOf(log, "logId"), "keyId");
  const id = typeof keyId === "string" ? decodeBase64(keyId) : undefined;
  if (typeof baseUrl !== "string" || id === undefined) {
    throw new MayflyError("TRUST_INVALID", "no trusted root: a log in it has no baseUrl or no logId");
  }
  return [Buffer.from(id).toString("hex"), baseUrl.endsWith("/") ? baseUrl.slice(0, -1) : baseUrl];
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value.get(name) : undefined;
}

function readJson(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, JSON_LIMITS);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new MayflyError("TRUST_INVALID", `no trusted root: ${cause.message}`, { cause });
  }
}
