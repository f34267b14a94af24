import { decodeTreeHeadSignature, type SignedTreeHead } from "../../core/ct/signed-tree-head.ts";
import { decodeBase64 } from "../../core/encoding/base64.ts";
import {
  isJsonArray,
  isJsonNumber,
  isJsonObject,
  JsonError,
  parseJson,
  type JsonObject,
  type JsonValue,
} from "../../core/encoding/json-reader.ts";
import { HASH_LENGTH } from "../../core/merkle/tree.ts";

/** What makes an answer of an RFC 6962 log no answer; the caller knows its URL. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/** An entry of `get-entries` (RFC 6962 §4.6), still in its two structures. */
export interface PageEntry {
  readonly leafInput: Uint8Array;
  readonly extraData: Uint8Array;
}

/** More than any log grants; a page of empty objects must not become millions of them. */
const LIMITS = { maxDepth: 3, maxMembers: 10_000 };

/**
 * Reads the answer of `get-sth` (RFC 6962 §4.3).
 *
 * @throws AnswerError when it is none, PresentationError when its signature is of another form
 */
export function parseTreeHead(body: Uint8Array): SignedTreeHead {
  const answer = parseObject(body);
  const root = bytesOf(answer, "sha256_root_hash");
  if (root.length !== HASH_LENGTH) throw new AnswerError("sha256_root_hash has not 32 bytes");
  return {
    size: integerOf(answer, "tree_size"),
    timestampMs: integerOf(answer, "timestamp"),
    root,
    signature: decodeTreeHeadSignature(bytesOf(answer, "tree_head_signature")),
  };
}

/**
 * Reads the answer of `get-entries` (RFC 6962 §4.6).
 *
 * @throws AnswerError when it is none
 */
export function parseEntries(body: Uint8Array): readonly PageEntry[] {
  const entries = parseObject(body).get("entries");
  if (!isJsonArray(entries)) throw new AnswerError("entries is no array");
  return entries.map((entry) => {
    if (!isJsonObject(entry)) throw new AnswerError("an entry is no object");
    return { leafInput: bytesOf(entry, "leaf_input"), extraData: bytesOf(entry, "extra_data") };
  });
}

function parseObject(body: Uint8Array): JsonObject {
  const value = parse(body);
  if (!isJsonObject(value)) throw new AnswerError("is no JSON object");
  return value;
}

function parse(body: Uint8Array): JsonValue {
  try {
    return parseJson(body, LIMITS);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new AnswerError(cause.message, { cause });
  }
}

function bytesOf(object: JsonObject, name: string): Uint8Array {
  const value = object.get(name);
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  if (bytes === undefined) throw new AnswerError(`${name} is no base64`);
  return bytes;
}

function integerOf(object: JsonObject, name: string): number {
  const value = object.get(name);
  const text = isJsonNumber(value) ? value.text : "";
  const number = Number(text);
  if (!/^(?:0|[1-9]\d{0,15})$/u.test(text) || !Number.isSafeInteger(number)) {
    throw new AnswerError(`${name} is no natural number`);
  }
  return number;
}
