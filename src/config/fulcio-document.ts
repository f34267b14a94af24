import { isAlias, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
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
  const json = syntax === "json" ? parseJson(text, file) : undefined;
  const lines = new LineCounter();
  // Its own faults quote the text, in which a password may stand.
  const document = parseDocument(separateAliases(text), {
    lineCounter: lines,
    // A number is the text that was written: an audience of digits may be longer than a number can be.
    schema: "failsafe",
    customTags: ["null"],
    uniqueKeys: true,
    merge: true,
    prettyErrors: false,
  });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const kind = fault.code.toLowerCase().replaceAll("_", " ");
    throw new FulcioInputError(`${file}:${lines.linePos(fault.pos[0]).line}: not ${syntax.toUpperCase()} (${kind})`);
  }
  const content = json ?? toPlain(() => document.toJS({ maxAliasCount: 1000 }) as unknown, file);
  const placeOf = (path: readonly string[]): string =>
    `${file}:${lines.linePos(offsetOf(path, document, syntax)).line}`;
  if (content === null || content === undefined) return { syntax, content: {}, placeOf };
  if (!isMapping(content)) throw new FulcioInputError(`${file}: expected a mapping`);
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

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new FulcioInputError(`${file}: starts like JSON and is not`, { cause });
  }
}

function toPlain(read: () => unknown, file: string): unknown {
  try {
    return read();
  } catch (cause) {
    throw new FulcioInputError(`${file}: not YAML (an alias without its anchor, or too many)`, { cause });
  }
}
