import { isMap, isNode, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
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
 * @throws ConfigError when it cannot be read, is no regular file or larger than 1 MiB
 */
export function readYamlFile(file: string): string {
  return new TextDecoder().decode(readSettingsFile(file));
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
  return {
    value: toPlain({ file, document, lines }),
    refuse: (problems) => {
      throw new ConfigError(problems.map((problem) => describe(problem, { file, document, lines })).join("\n"));
    },
  };
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
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}
