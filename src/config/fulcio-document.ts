import { isAlias, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { JsonError, parseJson } from "../core/encoding/json-reader.ts";
import { BAD_ALIAS, badAliasOffset } from "./bad-alias.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";

/** A mapping as it stands in one of Fulcio's files. */
export type FulcioMapping = Readonly<Record<string, unknown>>;

/** One of Fulcio's files, parsed. */
export interface FulcioDocument {
  /** Fulcio's issuer file has other names in JSON than in YAML. */
  readonly syntax: "json" | "yaml";
  readonly content: FulcioMapping;
  /** `file:line` of a member, by the names that it has in YAML; of what is around it where it is not written. */
  readonly placeOf: (path: readonly string[]) => string;
}

/** Whether a value is a mapping, and not a list or a scalar. */
export function isMapping(value: unknown): value is FulcioMapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses a file of Fulcio's, which is JSON or YAML. Scalars of YAML are texts as they are written, or null. Text that starts
 * like JSON and is none is refused: Fulcio would try it as YAML, where the names of JSON are unknown, and go on with nothing.
 *
 * @param file its name, for messages
 * @throws FulcioInputError with line and kind of the fault, without a word of the text
 */
export function parseFulcioDocument(text: string, file: string): FulcioDocument {
  const syntax = /^\s*[{[]/u.test(text) ? "json" : "yaml";
  const json = syntax === "json" ? readJson(text, file) : undefined;
  const lines = new LineCounter();
  // Its own faults quote the text, in which a password may stand.
  const document = parseDocument(separateAliases(text), {
    lineCounter: lines,
    // A number is the text that was written: an audience of digits may be longer than a number can be.
    schema: "failsafe",
    customTags: ["null"],
    uniqueKeys: true,
    merge: true,
    // Sets, bytes and the like are no values of a setting.
    resolveKnownTags: false,
    prettyErrors: false,
    logLevel: "error",
  });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const kind = fault.code.toLowerCase().replaceAll("_", " ");
    throw new FulcioInputError(`${file}:${lines.linePos(fault.pos[0]).line}: not ${syntax.toUpperCase()} (${kind})`);
  }
  const placeAt = (offset: number): string => `${file}:${lines.linePos(offset).line}`;
  const placeOf = (path: readonly string[]): string => placeAt(offsetOf(path, document, syntax));
  const content = json ?? toPlain(document, placeAt);
  if (content === null || content === undefined) return { syntax, content: {}, placeOf };
  if (!isMapping(content)) throw new FulcioInputError(`${placeOf([])}: expected a mapping`);
  return { syntax, content, placeOf };
}

/** Where a member's name begins; what an alias or a merge brought in stands where the alias does. */
function offsetOf(path: readonly string[], document: Document, syntax: FulcioDocument["syntax"]): number {
  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const isNamed = (key: unknown, name: string): boolean => {
    const written = resolved(key);
    if (!isScalar(written)) return false;
    return written.value === name || (syntax === "json" && jsonName(String(written.value)) === jsonName(name));
  };
  let node: unknown = document.contents;
  let offset = 0;
  for (const name of path) {
    const around = resolved(node);
    const pair = isMap(around) ? around.items.find(({ key }) => isNamed(key, name)) : undefined;
    if (pair === undefined || !isNode(pair.key)) return offset;
    offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

/** A member's name as Fulcio compares names of JSON: `client-id` is `ClientID` there, in any case. */
export function jsonName(name: string): string {
  return name.replaceAll("-", "").toLowerCase();
}

/**
 * To Fulcio's parser `*name:` is an alias that is a key, and its own issuer file is written so; in YAML 1.2 (§6.9.2) the colon
 * is part of the name. No line gets another number by it.
 */
function separateAliases(text: string): string {
  return text.replaceAll(/^(?<alias>[ \t]*\*[A-Za-z0-9_-]+):(?=[ \t\r]|$)/gmu, "$<alias> :");
}

function readJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // What JSON.parse says quotes the text.
    throw new FulcioInputError(`${file}:${lineOfJsonFault(text)}: starts like JSON and is not`);
  }
}

/** Line of a text that is no JSON from which on it is none. */
function lineOfJsonFault(text: string): number {
  try {
    parseJson(Buffer.from(text), { maxDepth: 64, maxMembers: Infinity });
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return text.slice(0, error.position ?? 0).split("\n").length;
  }
  return 1;
}

function toPlain(document: Document, placeAt: (offset: number) => string): unknown {
  try {
    return document.toJS({ maxAliasCount: 1000 });
  } catch (cause) {
    throw new FulcioInputError(`${placeAt(badAliasOffset(document))}: not YAML (${BAD_ALIAS})`, { cause });
  }
}
