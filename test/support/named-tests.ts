import { existsSync, readFileSync } from "node:fs";

/** A test that a page of the documents relies on. */
export interface NamedTest {
  /** Path under `test/`. */
  readonly file: string;
  /** Part of its title or of the table of its cases. */
  readonly part: string;
}

/** A file under `test/` in code font, then a part of it in quotation marks: how pages name their evidence. */
const NAMED = /`(?<file>(?:[a-z0-9-]+\/)+[a-z0-9-]+\.(?:test\.ts|ts|json))` "(?<part>[^"]+)"/gu;

/** The tests that a page names, in its order. */
export function namedTests(page: string): readonly NamedTest[] {
  return Array.from(page.matchAll(NAMED), ({ groups }) => ({
    file: groups?.["file"] ?? "",
    part: groups?.["part"] ?? "",
  }));
}

/** Whether the named file is there and holds the named text. */
export function namedTestExists({ file, part }: NamedTest): boolean {
  return existsSync(`test/${file}`) && readFileSync(`test/${file}`, "utf8").includes(part);
}
