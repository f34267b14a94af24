import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Poll } from "../../src/compose/start-poll.ts";
import { watchConfig } from "../../src/compose/watch-config.ts";

let folder: string;
let watched: Poll;
let changes: number;
let known = new Map<string, string>();
const at = (name: string): string => join(folder, name);
const sha256 = (text: string): string => hash("sha256", text, "hex");

/** Files as they are when they are read. */
function write(name: string, text: string): void {
  writeFileSync(at(name), text);
  known.set(at(name), sha256(text));
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-watch-config-"));
  known = new Map();
  changes = 0;
  watched = watchConfig({
    files: () => known,
    onChange: () => {
      changes++;
      return Promise.resolve();
    },
    pollMs: 3_600_000,
  });
});
afterEach(() => {
  watched.close();
  rmSync(folder, { recursive: true });
});

/** Looks so often, and tells how often changes were read. */
async function changesAfter(looks: number): Promise<number> {
  for (let look = 0; look < looks; look++) await watched.look();
  return changes;
}

describe("files of a configuration", () => {
  it("are not read while they are as they were", async () => {
    write("c.yaml", "a: 1");
    expect(await changesAfter(3)).toBe(0);
    // The same content once more, at another time.
    writeFileSync(at("c.yaml"), "a: 1");
    utimesSync(at("c.yaml"), 1, 1);
    expect(await changesAfter(3)).toBe(0);
  });

  it.each<readonly [string, () => void]>([
    [
      "written in place",
      () => {
        writeFileSync(at("c.yaml"), "a: 2");
      },
    ],
    [
      "renamed into place",
      () => {
        writeFileSync(at("c.yaml~"), "a: 2");
        renameSync(at("c.yaml~"), at("c.yaml"));
      },
    ],
    [
      "removed",
      () => {
        rmSync(at("c.yaml"));
      },
    ],
    [
      "replaced by a folder",
      () => {
        rmSync(at("c.yaml"));
        mkdirSync(at("c.yaml"));
      },
    ],
    [
      "replaced by a pipe",
      () => {
        rmSync(at("c.yaml"));
        execFileSync("mkfifo", [at("c.yaml")]);
      },
    ],
  ])("are read once, after two looks, when one is %s", async (_how, change) => {
    write("c.yaml", "a: 1");
    write("other", "text");
    expect(await changesAfter(2)).toBe(0);
    change();
    expect(await changesAfter(1)).toBe(0);
    expect(await changesAfter(3)).toBe(1);
  });

  it("are read when the link that Kubernetes swaps leads elsewhere", async () => {
    for (const version of ["1", "2"]) {
      mkdirSync(at(version));
      writeFileSync(at(`${version}/c.yaml`), `a: ${version}`);
    }
    symlinkSync("1", at("..data"));
    symlinkSync("..data/c.yaml", at("c.yaml"));
    known.set(at("c.yaml"), sha256("a: 1"));
    expect(await changesAfter(2)).toBe(0);
    symlinkSync("2", at("..data_tmp"));
    renameSync(at("..data_tmp"), at("..data"));
    expect(await changesAfter(2)).toBe(1);
  });

  it("are read when they changed between the start and the first look", async () => {
    write("c.yaml", "a: 1");
    writeFileSync(at("c.yaml"), "a: 2");
    expect(await changesAfter(2)).toBe(1);
  });

  it("are not read while they are still being written", async () => {
    write("c.yaml", "a: 1");
    for (const text of ["a: 2", "a: 3", "a: 4"]) {
      writeFileSync(at("c.yaml"), text);
      expect(await changesAfter(1)).toBe(0);
    }
    expect(await changesAfter(1)).toBe(1);
  });

  it("are read no more when they are as they were read again", async () => {
    write("c.yaml", "a: 1");
    writeFileSync(at("c.yaml"), "a: 2");
    await changesAfter(1);
    writeFileSync(at("c.yaml"), "a: 1");
    expect(await changesAfter(3)).toBe(0);
  });

  it("are read again when a change comes back that another reading has undone meanwhile", async () => {
    write("c.yaml", "a: 1");
    writeFileSync(at("c.yaml"), "a: 2");
    expect(await changesAfter(2)).toBe(1);
    known = new Map([[at("c.yaml"), sha256("a: 2")]]);
    expect(await changesAfter(2)).toBe(1);
    // Put back and read by a signal, before any look.
    writeFileSync(at("c.yaml"), "a: 1");
    known = new Map([[at("c.yaml"), sha256("a: 1")]]);
    writeFileSync(at("c.yaml"), "a: 2");
    expect(await changesAfter(3)).toBe(2);
  });

  it("are all watched that were read last", async () => {
    write("c.yaml", "a: 1");
    await changesAfter(2);
    write("blocklist", "");
    writeFileSync(at("blocklist"), "ab");
    expect(await changesAfter(2)).toBe(1);
  });
});
