import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A program of docs/library.md, under the name that its first line says. */
export interface LibraryProgram {
  readonly name: string;
  readonly text: string;
}

/** The programs of docs/library.md, in their order. */
export function libraryPrograms(): readonly LibraryProgram[] {
  const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "library.md"), "utf8");
  return Array.from(page.matchAll(/^```ts\n(\/\/ ([a-z-]+\.ts).*?)^```$/gmsu), ([, text = "", name = ""]) => ({
    name,
    text,
  }));
}
