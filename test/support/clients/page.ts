import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/**
 * A page whose commands are run. Its blocks with a name after their language are what tests run: ```` ```sh sign ```` holds
 * commands, and a name with a dot, as in ```` ```js verify.mjs ````, is a file that the commands need.
 */
export interface ClientPage {
  /** The commands of a block. */
  readonly commands: (name: string) => string;
  /** Every file that the page has. */
  readonly files: ReadonlyMap<string, string>;
  /** Names of all blocks with commands. */
  readonly blocks: readonly string[];
}

/** Reads `docs/clients/NAME.md`. */
export function readClientPage(name: string): ClientPage {
  return readPage(`docs/clients/${name}.md`);
}

/** Reads a page by its path in the project. */
export function readPage(path: string): ClientPage {
  const text = readFileSync(resolve(path), "utf8");
  const blocks = [...text.matchAll(/^```[a-z]+ (\S+)\n(.*?)^```$/gmsu)].map(
    ([, block = "", body = ""]): readonly [string, string] => [block, body],
  );
  const isFile = ([block]: readonly [string, string]): boolean => block.includes(".");
  const commands = new Map(blocks.filter((block) => !isFile(block)));
  if (new Set(blocks.map(([block]) => block)).size !== blocks.length) throw new Error(`${path} has a name twice`);
  return {
    commands: (block) => {
      const body = commands.get(block);
      if (body === undefined) throw new Error(`${path} has no block ${block}`);
      return body;
    },
    files: new Map(blocks.filter(isFile)),
    blocks: [...commands.keys()],
  };
}
