import { describe, expect, it } from "@jest/globals";
import { status as GRPC } from "@grpc/grpc-js";
import { readdirSync, readFileSync } from "node:fs";
import { configJsonSchema } from "../../src/config/schema.ts";
import { MayflyError, REASONS } from "../../src/core/errors.ts";
import type { ErrorCode, Reason } from "../../src/core/errors.ts";
import { describeRefusal } from "../../src/grpc/refusal.ts";
import { describeError } from "../../src/wire/errors.ts";
import { hasSetting } from "../support/config-setting.ts";
import { runCli } from "../support/run-cli.ts";

const FOLDER = "docs/reasons";
const INDEX = readFileSync(`${FOLDER}/README.md`, "utf8");
const CODES = Object.keys(REASONS) as ErrorCode[];
const ALL: readonly Reason[] = CODES.flatMap((code) => REASONS[code]);

const SEEN: ReadonlySet<string> = new Set(["answer", "start", "command", "log"]);
const WHO: ReadonlySet<string> = new Set([
  "caller",
  "operator",
  "issuer's owner",
  "whoever runs that log",
  "Mayfly's developers",
  "nobody",
]);

/** What is the same on a page and in the tables that answers are made from. */
function factsOf(reason: Reason): { readonly row: string; readonly message: string } {
  const error = new MayflyError(reason, "");
  const { status, message } = describeError(error);
  const { code } = describeRefusal(error);
  return { row: `| \`${error.code}\` | ${String(status)} | ${String(code)} \`${GRPC[code]}\` |`, message };
}

function skeleton(reason: Reason): string {
  const { row, message } = factsOf(reason);
  return `# ${reason}

WHAT HAPPENED, in a sentence or two that a person at night understands; no claim values.

| Code | HTTP | gRPC | Seen in | Who fixes it |
| --- | --- | --- | --- | --- |
${row} ${[...SEEN].join(", ")} | ${[...WHO].join(", ")}: one of them, or several |

Message: \`${message}\`

## What to do

- THE FIRST THING, with its command in backticks.

**It is not** WHAT IT IS TAKEN FOR, with a link to that page.
`;
}

interface Page {
  readonly text: string;
  /** What the index says of it. */
  readonly sentence: string;
  readonly seen: readonly string[];
  readonly who: readonly string[];
  /** The table's first three cells, as {@link factsOf} gives them. */
  readonly row: string;
  readonly message: string;
  /** What a person reads: no heading, no table, no message. */
  readonly prose: string;
}

const LAYOUT =
  /^# (?<title>[A-Z0-9_]+)\n\n(?<cause>[^|]+?)\n\n\|[^\n]+\|\n\|[- |]+\|\n\|(?<cells>[^\n]+)\|\n\nMessage: `(?<message>[^\n]+)`\n\n## What to do\n\n(?<steps>- .+?)\n\n(?<not>\*\*It is not\*\* .+)\n$/su;

/** Reads the page of a reason; throws an Error that says what to write when it is not there or laid out otherwise. */
function readPage(reason: Reason): Page {
  const file = `${FOLDER}/${reason}.md`;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new Error(
      `${file} is missing. Write it like this, and its row into ${FOLDER}/README.md:\n\n${skeleton(reason)}`,
    );
  }
  const { title, cause = "", cells = "", message = "", steps = "", not = "" } = LAYOUT.exec(text)?.groups ?? {};
  if (title !== reason) throw new Error(`${file} is not laid out like this:\n\n${skeleton(reason)}`);
  const [code, http, grpc, seen, who] = cells.split(" | ").map((cell) => cell.trim());
  return {
    text,
    sentence: cause.replaceAll("\n", " ").split(/(?<=\.) /u)[0] ?? "",
    seen: seen?.split(", ") ?? [],
    who: who?.split(", ") ?? [],
    row: `| ${String(code)} | ${String(http)} | ${String(grpc)} |`,
    message,
    prose: [cause, steps, not].join("\n"),
  };
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** Runs of four words. */
function runsOf(text: string): ReadonlySet<string> {
  const words = wordsOf(text);
  return new Set(words.slice(3).map((word, at) => [...words.slice(at, at + 3), word].join(" ")));
}

const countCommon = (one: ReadonlySet<string>, other: ReadonlySet<string>): number =>
  [...one].filter((run) => other.has(run)).length;

describe("the page of a reason", () => {
  it.each(ALL)("%s is there, with the facts that callers see", (reason) => {
    const page = readPage(reason);
    const { row, message } = factsOf(reason);
    expect({ row: page.row, message: page.message }).toEqual({ row, message });
    expect(page.seen.filter((place) => !SEEN.has(place))).toEqual([]);
    expect(page.who.filter((person) => !WHO.has(person))).toEqual([]);
  });

  it.each(ALL)("%s is read in half a minute, and says what to do", (reason) => {
    const { prose } = readPage(reason);
    expect(wordsOf(prose).length).toBeGreaterThan(25);
    expect(wordsOf(prose).length).toBeLessThan(200);
    expect(prose).not.toMatch(/THE FIRST THING|WHAT (?:HAPPENED|IT IS)/u);
  });

  it("stands for a reason that there is", () => {
    const pages = readdirSync(FOLDER).filter((file) => file !== "README.md");
    expect(pages.sort()).toEqual(ALL.map((reason) => `${reason}.md`).sort());
  });

  it("is no copy of another", () => {
    const runs = ALL.map((reason) => ({ reason, own: runsOf(readPage(reason).prose) }));
    const alike = runs.flatMap(({ reason, own }, at) =>
      runs
        .slice(at + 1)
        .filter((other) => countCommon(own, other.own) > 0.4 * Math.min(own.size, other.own.size))
        .map((other) => `${reason} and ${other.reason}`),
    );
    expect(alike).toEqual([]);
  });

  it("of a fault that is not the caller's does not send the caller to mend it", () => {
    const ours = CODES.filter((code) => factsOf(REASONS[code][0]).row.includes("| 500 |")).flatMap(
      (code) => REASONS[code],
    );
    expect(ours.length).toBeGreaterThan(20);
    expect(ours.filter((reason) => readPage(reason).who.includes("caller"))).toEqual([]);
  });
});

describe("the pages of the reasons", () => {
  const readAll = (): string => [INDEX, ...ALL.map((reason) => readPage(reason).text)].join("\n");

  it("are in the index under their codes, with their first sentence and who mends it", () => {
    const expected = CODES.map((code) => {
      const rows = REASONS[code].map((reason) => {
        const { sentence, who } = readPage(reason);
        return `| [${reason}](${reason}.md) | ${sentence} | ${who.join(", ")} |`;
      });
      return [`### ${code}`, ...rows].join("\n");
    });
    const found = INDEX.split(/^(?=### )/mu).slice(1);
    const plain = found.map((section) =>
      section
        .split("\n")
        .filter((line) => line.startsWith("### ") || line.startsWith("| ["))
        .map((line) => line.replaceAll(/ {2,}/gu, " "))
        .join("\n"),
    );
    expect(plain).toEqual(expected);
  });

  it("call commands that there are, with options that they have", async () => {
    const calls = new Map(
      Array.from(
        readAll().matchAll(/`mayfly (?<words>[a-z]+(?: [a-z]+)?(?:-[a-z]+)*)(?<rest>[^`\n]*)`/gu),
        ({ groups }) => [
          `${groups?.["words"] ?? ""}${groups?.["rest"] ?? ""}`,
          { words: groups?.["words"] ?? "", flags: (groups?.["rest"] ?? "").match(/--[a-z-]+/gu) ?? [] },
        ],
      ),
    );
    expect(calls.size).toBeGreaterThan(8);
    for (const { words, flags } of calls.values()) {
      const { code, stdout } = await runCli([...words.split(" "), "--help"]);
      expect({ words, code, usage: stdout.startsWith(`Usage: mayfly ${words} `) }).toEqual({
        words,
        code: 0,
        usage: true,
      });
      for (const flag of flags) expect(stdout).toContain(flag);
    }
  });

  it("name settings that there are", () => {
    const named = Array.from(
      readAll().matchAll(/`((?:limits|http|grpc|ca|log|clientKeys|shutdown|operations|issuance)(?:\.[a-zA-Z]+)+)`/gu),
      ([, path = ""]) => path,
    );
    const settings = [...new Set(named)];
    expect(settings.length).toBeGreaterThan(15);
    expect(settings.filter((path) => !hasSetting(configJsonSchema(), path.split(".")))).toEqual([]);
  });
});
