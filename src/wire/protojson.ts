import { MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import { JsonError, isJsonNumber, isJsonObject, parseJson } from "../core/encoding/json-reader.ts";
import type { JsonLimits, JsonObject, JsonValue } from "../core/encoding/json-reader.ts";

/** Deepest nesting and greatest number of members of a message; Fulcio's messages need 3 and 7. */
const LIMITS: JsonLimits = { maxDepth: 32, maxMembers: 1_000 };

const REASON_OF: Readonly<Record<JsonError["kind"], Reason>> = {
  "not-json": "BODY_NOT_JSON",
  "not-utf8": "BODY_NOT_UTF8",
  "duplicate-member": "DUPLICATE_MEMBER",
  "too-complex": "JSON_TOO_COMPLEX",
};

/**
 * A field of a message in the ProtoJSON format, by the two names it may come under: the lowerCamelCase name and the
 * one in the .proto file.
 */
export interface Field {
  readonly json: string;
  readonly proto: string;
}

/**
 * Reads the JSON text of one protobuf message. Fields are then picked by name, so unknown ones are ignored.
 *
 * @throws MayflyError `malformed_request` when the text is not one strict JSON object
 */
export function parseMessage(text: Uint8Array): JsonObject {
  const value = parseStrictly(text);
  if (!isJsonObject(value)) throw new MayflyError("WRONG_TYPE", "the message is not a JSON object");
  return value;
}

function parseStrictly(text: Uint8Array): JsonValue {
  try {
    return parseJson(text, LIMITS);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new MayflyError(REASON_OF[cause.kind], cause.message, { cause });
  }
}

/** The value of a field, or undefined when it is absent or null, which means the same in ProtoJSON. */
function fieldValue(message: JsonObject, { json, proto }: Field): JsonValue | undefined {
  const camel = message.get(json) ?? undefined;
  const snake = json === proto ? undefined : (message.get(proto) ?? undefined);
  if (camel !== undefined && snake !== undefined) {
    throw new MayflyError("DUPLICATE_MEMBER", `field ${proto} is given under both of its names`);
  }
  return camel ?? snake;
}

/** @throws MayflyError `malformed_request` when the field is neither absent nor an object */
export function messageField(message: JsonObject, field: Field): JsonObject | undefined {
  const value = fieldValue(message, field);
  if (value === undefined || isJsonObject(value)) return value;
  throw new MayflyError("WRONG_TYPE", `field ${field.proto} is not an object`);
}

/** Characters that a string field must not have, and the reason for which such a text is refused. */
export interface Forbidden {
  /** Matches a text that holds one of them. */
  readonly pattern: RegExp;
  readonly reason: Reason;
}

/**
 * A string field; empty when absent.
 *
 * @throws MayflyError `malformed_request`, or for the reason of `forbidden`
 */
export function stringField(message: JsonObject, field: Field, forbidden: Forbidden): string {
  const value = fieldValue(message, field) ?? "";
  if (typeof value !== "string") throw new MayflyError("WRONG_TYPE", `field ${field.proto} is not a string`);
  if (forbidden.pattern.test(value)) {
    throw new MayflyError(forbidden.reason, `field ${field.proto} has control characters`);
  }
  return value;
}

/**
 * Refuses what is no string, of a field whose text means nothing here.
 *
 * @throws MayflyError `malformed_request`
 */
export function checkStringField(message: JsonObject, field: Field): void {
  const value = fieldValue(message, field);
  if (value === undefined || typeof value === "string") return;
  throw new MayflyError("WRONG_TYPE", `field ${field.proto} is not a string`);
}

/**
 * Refuses what cannot be an enum value at all. The value itself is not read: a caller's library may know names that
 * this service does not.
 *
 * @throws MayflyError `malformed_request`
 */
export function checkEnumField(message: JsonObject, field: Field): void {
  const value = fieldValue(message, field);
  if (value === undefined || typeof value === "string") return;
  if (isJsonNumber(value) && isInt32(Number(value.text))) return;
  throw new MayflyError("WRONG_TYPE", `field ${field.proto} is neither a name nor a number of an enum`);
}

const isInt32 = (value: number): boolean => Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;

/**
 * A bytes field, undefined when absent: base64 in the standard or the URL-safe alphabet (RFC 4648 §4 and §5), padded or
 * not, with line breaks anywhere.
 *
 * @throws MayflyError `malformed_request`
 */
export function bytesField(message: JsonObject, field: Field): Uint8Array | undefined {
  const value = fieldValue(message, field);
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw new MayflyError("WRONG_TYPE", `field ${field.proto} is not a base64 string`);
  const bytes = Buffer.from(value, "base64");
  // Nearly everybody's spelling.
  if (bytes.toString("base64") === value) return bytes;
  const text = value.replaceAll(/[\r\n]/gu, "");
  // Node's decoder skips what it does not know, so only text that encodes back to itself was base64.
  const unpadded = bytes.toString("base64url");
  const alike = /[-_]/u.test(text) ? text : text.replaceAll("+", "-").replaceAll("/", "_");
  if (alike === unpadded || alike === unpadded.padEnd(Math.ceil(unpadded.length / 4) * 4, "=")) return bytes;
  throw new MayflyError("INVALID_BASE64", `field ${field.proto} is not base64`);
}
