import { readFileSync } from "node:fs";
import { join } from "node:path";

const TEXT = readFileSync(join(import.meta.dirname, "..", "..", "..", "Dockerfile"), "utf8");

/**
 * Default of an `ARG` of the Dockerfile.
 *
 * @throws TypeError when it has none
 */
export function dockerfileArgument(name: string): string {
  return only(new RegExp(`^ARG ${name}=(?<value>\\S+)$`, "mu"), `default of ARG ${name}`);
}

/**
 * What stands behind an instruction that the Dockerfile has once, such as `USER`.
 *
 * @throws TypeError when it is not there
 */
export function dockerfileInstruction(name: string): string {
  return only(new RegExp(`^${name} (?<value>.+)$`, "mu"), name);
}

/** What each `RUN` of the Dockerfile runs, in order, on one line. */
export function dockerfileCommands(): readonly string[] {
  return [...TEXT.matchAll(/^RUN (?<command>(?:.*\\\n)*.*)$/gmu)].map(({ groups }) =>
    (groups?.["command"] ?? "").replaceAll(/\s*\\\n\s*/gu, " "),
  );
}

/**
 * Value of a label of the image, quotes taken off.
 *
 * @throws TypeError when it is not there
 */
export function dockerfileLabel(name: string): string {
  return only(new RegExp(`org\\.opencontainers\\.image\\.${name}="(?<value>[^"]*)"`, "u"), `label ${name}`);
}

function only(pattern: RegExp, what: string): string {
  const value = pattern.exec(TEXT)?.groups?.["value"];
  if (value === undefined) throw new TypeError(`the Dockerfile has no ${what}`);
  return value;
}
