import { isDeepStrictEqual } from "node:util";
import type fc from "fast-check";
import { isJsonArray, isJsonNumber, isJsonObject, type JsonValue } from "../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { fromBase64, readVector } from "../support/vectors.ts";

/** Something that reads bytes from outside, and what may come of it. */
export interface Reader {
  readonly name: string;
  /** What of an input that was accepted; throws nothing but `refusal`. */
  readonly read: (bytes: Uint8Array) => unknown;
  readonly refusal: abstract new (...args: never[]) => Error;
  /** Whether others, or our own writer, agree with what was read; `undefined` and a refusal agree by definition. */
  readonly agrees: (bytes: Uint8Array, read: unknown) => boolean;
  readonly inputs: fc.Arbitrary<Uint8Array>;
  /** Slow ones get fewer inputs. */
  readonly weight: number;
  /** Bytes from which on an input is refused unread; 64 KiB where there is no such limit. */
  readonly limit: number;
  /** The worst inputs of about `size` bytes, each another way of being expensive. */
  readonly expensive: (size: number) => readonly Uint8Array[];
}

const { seeds: SEEDS } = readVector("corpus/seeds.json") as { seeds: Record<string, string[]> };
/** Valid inputs of a kind, to begin with. */
export const seeds = (name: string): Uint8Array[] => SEEDS[name]!.map(fromBase64);
/** The input as a reader of texts gets it. */
export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
/** The bytes of a text. */
export const bytesOf = (value: string): Uint8Array => Buffer.from(value);
/** Whether two byte strings are one. */
export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
/** A text of about `size` characters that repeats a unit. */
export const times = (size: number, unit: string): string => unit.repeat(Math.max(1, Math.floor(size / unit.length)));

/** The plain value of ours, as JSON.parse would give it. */
export function plain(value: JsonValue): unknown {
  if (isJsonObject(value)) return new Map([...value].map(([name, member]) => [name, plain(member)]));
  if (isJsonArray(value)) return value.map(plain);
  return isJsonNumber(value) ? Number(value.text) : value;
}

/** What JSON.parse gives, objects as maps: `__proto__` is a name like any other. */
export function parsedByOthers(bytes: Uint8Array): unknown {
  const asMaps = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(asMaps);
    if (typeof value !== "object" || value === null) return value;
    return new Map(Object.entries(value).map(([name, member]) => [name, asMaps(member)]));
  };
  return asMaps(JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown);
}

/** Equal but for the order of members: JSON.parse puts those that look like indexes first. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([name, value]) => b.has(name) && sameJson(value, b.get(name)));
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, at) => sameJson(value, b[at]));
  return isDeepStrictEqual(a, b);
}

/** What came of an input: `accepted`, `nothing` for undefined, or the refusal's reason without anything that varies. */
export function outcomeOf(reader: Reader, bytes: Uint8Array): string {
  let read: unknown;
  try {
    read = reader.read(bytes);
  } catch (error) {
    if (!(error instanceof reader.refusal)) throw new Error(`${reader.name} broke`, { cause: error });
    if (error instanceof MayflyError) return error.reason;
    return error.message.replaceAll(/\d+/gu, "N");
  }
  if (!reader.agrees(bytes, read)) throw new Error(`${reader.name}: others do not agree with what was read`);
  return read === undefined ? "nothing" : "accepted";
}
