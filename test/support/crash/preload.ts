import { registerHooks } from "node:module";
import { CRASH_POINTS, setCrashPlan } from "./crash-point.ts";

/*
 * Given to Node.js with --import, this puts modules of the tests in the place of modules of Mayfly, in every thread of the
 * process. Nothing in src/ knows of it. The part behind the question mark says what is wanted:
 *
 *   preload.ts?crash=after-commit&hit=3    ends the process there
 *   preload.ts?mutant=no-head-comparison   a Mayfly that lacks a defence
 */

/** Who is replaced by whom: the end of the module's URL, or the name of a built-in and the end of its importer's URL. */
interface Replacement {
  readonly module: string;
  readonly importer?: string;
  readonly by: string;
}

const SQLITE = "/src/adapters/log-store/sqlite/";
const WRITER = `${SQLITE}log-writer.ts`;

const CRASHING: readonly Replacement[] = [
  { module: "node:fs", importer: `${SQLITE}create-sqlite-log.ts`, by: "replacements/log-creation-fs.ts" },
  { module: `${SQLITE}schema.ts`, importer: `${SQLITE}create-sqlite-log.ts`, by: "replacements/schema.ts" },
  { module: WRITER, by: "replacements/log-writer.ts" },
  { module: "/src/tlog/sign-checkpoint.ts", by: "replacements/sign-checkpoint.ts" },
  { module: "/src/tlog/checkpoint-publisher.ts", by: "replacements/checkpoint-publisher.ts" },
  { module: "/src/http/answer.ts", by: "replacements/answer.ts" },
  { module: "node:fs", importer: "/src/adapters/audit/trail-appender.ts", by: "replacements/audit-fs.ts" },
  { module: "node:fs/promises", importer: "/src/adapters/high-water-mark/file.ts", by: "replacements/head-mark-fs.ts" },
];

const MUTANTS: Readonly<Record<string, readonly Replacement[]>> = {
  "no-head-comparison": [{ module: "/src/tlog/assert-log-not-behind.ts", by: "mutants/no-head-comparison.ts" }],
  "answer-before-commit": [{ module: WRITER, by: "mutants/answer-before-commit.ts" }],
};

const HERE = new URL("./", import.meta.url).href;
const { searchParams } = new URL(import.meta.url);

function wanted(): readonly Replacement[] {
  const mutant = searchParams.get("mutant");
  if (mutant !== null) {
    const replacements = MUTANTS[mutant];
    if (replacements === undefined) throw new RangeError(`no mutant ${mutant}`);
    return replacements;
  }
  const name = searchParams.get("crash");
  const point = CRASH_POINTS.find((each) => each === name);
  if (point === undefined) throw new RangeError(`no crash point ${String(name)}`);
  setCrashPlan({ point, hit: Number(searchParams.get("hit")) });
  return CRASHING;
}

const replacements = wanted();

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const resolved = nextResolve(specifier, context);
    const importer = context.parentURL ?? "";
    // The replacements themselves get what they replace.
    if (importer.startsWith(HERE)) return resolved;
    const replacement = replacements.find(
      (each) => resolved.url.endsWith(each.module) && importer.endsWith(each.importer ?? ""),
    );
    if (replacement === undefined) return resolved;
    return { url: new URL(replacement.by, HERE).href, format: "module-typescript", shortCircuit: true };
  },
});
