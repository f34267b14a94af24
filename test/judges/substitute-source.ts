/**
 * Preloaded (`node --import`), it changes source texts while they are loaded: `MAYFLY_SUBSTITUTIONS` is a JSON list of
 * {@link Substitution}. Files stay as they are. A text that does not stand there exactly once ends the process with 97.
 */
import { registerHooks } from "node:module";
import process from "node:process";
import type { Substitution } from "./mutants.ts";

const substitutions = JSON.parse(process.env["MAYFLY_SUBSTITUTIONS"] ?? "[]") as readonly Substitution[];
const unused = new Set(substitutions);

function fail(message: string): never {
  console.error(message);
  process.exit(97);
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const here = substitutions.filter(({ file }) => url.endsWith(`/src/${file}`));
    if (here.length === 0) return loaded;
    let source = Buffer.from(loaded.source as string | Uint8Array).toString("utf8");
    for (const substitution of here) {
      const { file, from, to } = substitution;
      if (source.split(from).length !== 2) fail(`${file} does not hold once: ${from}`);
      source = source.replace(from, () => to);
      unused.delete(substitution);
    }
    return { ...loaded, source };
  },
});

process.on("exit", (code) => {
  if (code === 0 && unused.size > 0) fail(`never loaded: ${[...unused].map(({ file }) => file).join()}`);
});
