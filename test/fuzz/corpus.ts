import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fromBase64 } from "../support/vectors.ts";

const PATH = new URL("../vectors/corpus/found.json", import.meta.url);

/** An input that some run kept because of what came of it. */
export interface Found {
  readonly reader: string;
  readonly outcome: string;
  readonly input: Uint8Array;
}

interface CorpusFile {
  readonly name: string;
  readonly specification: string;
  readonly source: string;
  readonly found: readonly { readonly reader: string; readonly outcome: string; readonly input: string }[];
}

/** The kept inputs. */
export function readCorpus(): readonly Found[] {
  if (!existsSync(PATH)) return [];
  const { found } = JSON.parse(readFileSync(PATH, "utf8")) as CorpusFile;
  return found.map(({ reader, outcome, input }) => ({ reader, outcome, input: fromBase64(input) }));
}

/** Writes the kept inputs, in an order that does not depend on when they were found. */
export function writeCorpus(found: readonly Found[]): void {
  const key = ({ reader, outcome }: Found): string => `${reader} ${outcome}`;
  const sorted = found.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  const file: CorpusFile = {
    name: "One input for each outcome that fuzzing has seen at each reader; base64",
    specification: "as in seeds.json",
    source: "MAYFLY_KEEP_CORPUS=1 npm run test:fuzz, from seeds.json",
    found: sorted.map(({ reader, outcome, input }) => ({
      reader,
      outcome,
      input: Buffer.from(input).toString("base64"),
    })),
  };
  writeFileSync(PATH, `${JSON.stringify(file, undefined, 2)}\n`);
}
