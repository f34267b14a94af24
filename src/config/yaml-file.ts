import { isUtf8 } from "node:buffer";
import { isCollection, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document, Node, Scalar } from "yaml";
import { BAD_ALIAS, badAliasOffset } from "./bad-alias.ts";
import { ConfigError } from "./config-error.ts";
import { readSettingsFile } from "./read-settings-file.ts";
import type { ConfigProblem } from "./rule.ts";
import { settingName } from "./setting-name.ts";

/** A YAML file of settings, and how to say what is wrong with it. */
export interface YamlFile {
  /** Its mapping as plain values. */
  readonly value: unknown;
  /**
   * @throws ConfigError listing the problems with file, line and path
   */
  readonly refuse: (problems: readonly ConfigProblem[]) => never;
}

/**
 * Reads a file of settings.
 *
 * @throws ConfigError when it cannot be read, is no regular file, larger than 1 MiB or no UTF-8
 */
export function readYamlFile(file: string): string {
  const bytes = readSettingsFile(file);
  // Else what is no UTF-8 becomes another text, and a rule that forbids it forbids nothing.
  if (!isUtf8(bytes)) throw new ConfigError(`${file}: not UTF-8`);
  return new TextDecoder().decode(bytes);
}

/**
 * Parses the text of a file of settings.
 *
 * @param file name for messages
 * @throws ConfigError when it is no YAML, warns of anything, or is no mapping
 */
export function parseYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    resolveKnownTags: false,
    logLevel: "error",
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw new ConfigError(faults.map((fault) => `${file}:${fault.message.split("\n")[0] ?? ""}`).join("\n"));
  }
  const misread = findMisread(document);
  if (misread.length > 0) {
    throw new ConfigError(misread.map(({ at, what }) => `${file}:${lines.linePos(at).line}: ${what}`).join("\n"));
  }
  return {
    value: toPlain({ file, document, lines }),
    refuse: (problems) => {
      throw new ConfigError(problems.map((problem) => describe(problem, { file, document, lines })).join("\n"));
    },
  };
}

interface Misread {
  /** Offset in the text. */
  readonly at: number;
  readonly what: string;
}

/** What would become something else than its author reads there, without a word. */
function findMisread(document: Document): readonly Misread[] {
  const found: Misread[] = [];
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && key.value === "__proto__")
        found.push({ at: startOf(key), what: "no setting is called __proto__" });
      if (isCollection(key)) found.push({ at: startOf(key), what: "a name is a text, and no list or mapping" });
    },
    Scalar: (_, node) => {
      if (!isOtherNumber(node)) return;
      const what = `${node.source ?? ""} is the number ${String(node.value)} in YAML: write that, or quotes around a text`;
      found.push({ at: startOf(node), what });
    },
  });
  return found;
}

const startOf = ({ range }: Node): number => range?.[0] ?? 0;

/** Rules compare a number by its digits: 0123, 1e3 and 1.0 are other texts than the numbers that they are read as. */
function isOtherNumber({ value, source }: Scalar): boolean {
  return Number.isInteger(value) && source !== undefined && source !== String(value);
}

function toPlain({ file, document, lines }: Source): unknown {
  if (!isMap(document.contents)) throw new ConfigError(`${file}: expected a mapping of settings`);
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const { line } = lines.linePos(badAliasOffset(document));
    throw new ConfigError(`${file}:${String(line)}: ${BAD_ALIAS}`, { cause });
  }
}

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

function describe(problem: ConfigProblem, { file, document, lines }: Source): string {
  const line = lineOf(problem.path, document, lines);
  const place = problem.place ?? `${file}${line === undefined ? "" : `:${String(line)}`}`;
  return `${place}: ${settingName(problem.path)}: ${problem.message}`;
}

/** Line of the value at `path`, or of the nearest enclosing value that is there. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: LineCounter): number | undefined {
  let node: unknown = document.contents;
  let line: number | undefined;
  for (const step of path) {
    node = valueAt(node, String(step));
    if (!isNode(node) || !node.range) break;
    ({ line } = lines.linePos(node.range[0]));
  }
  return line;
}

/** The value under a name as plain values have it, where numbers are texts, and null is the empty one. */
function valueAt(node: unknown, name: string): unknown {
  if (isSeq(node)) return node.items[Number(name)];
  if (!isMap(node)) return undefined;
  return node.items.find(
    ({ key }) => isScalar<string | number | boolean | null>(key) && String(key.value ?? "") === name,
  )?.value;
}
