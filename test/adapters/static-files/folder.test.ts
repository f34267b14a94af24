import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStaticFolder } from "../../../src/adapters/static-files/folder.ts";
import type { StaticFiles } from "../../../src/ports/static-files.ts";

let base: string;
let folder: string;
let working: string;
let files: StaticFiles;

const text = (content: string): Uint8Array => Buffer.from(content);

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "mayfly-static-"));
  [folder, working] = [join(base, "public"), join(base, "working")];
  mkdirSync(folder);
  mkdirSync(working);
  files = openStaticFolder(folder, working);
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

describe("a folder of static files", () => {
  it("gives back what was written, by path", async () => {
    await files.write([
      { path: "one", bytes: text("1") },
      { path: "a/b/two", bytes: text("2") },
      { path: "a/b.p/three", bytes: new Uint8Array(0) },
    ]);
    expect(Buffer.from((await files.read("one")) ?? []).toString()).toBe("1");
    expect(await Promise.all(["one", "a/b/two", "a/b.p/three"].map((path) => files.size(path)))).toEqual([1, 1, 0]);
    expect(readFileSync(join(folder, "a/b/two"), "utf8")).toBe("2");
    expect(readdirSync(working)).toEqual([]);
  });

  it("replaces a file by another one, and does not write into it", async () => {
    await files.write([{ path: "one", bytes: text("old") }]);
    const { ino } = statSync(join(folder, "one"));
    await files.write([{ path: "one", bytes: text("new") }]);
    expect(readFileSync(join(folder, "one"), "utf8")).toBe("new");
    expect(statSync(join(folder, "one")).ino).not.toBe(ino);
  });

  it("overwrites unfinished files that a crash left, which are never public", async () => {
    writeFileSync(join(working, "0.new"), "half of something longer");
    await files.write([{ path: "one", bytes: text("whole") }]);
    expect(readFileSync(join(folder, "one"), "utf8")).toBe("whole");
  });

  it("opens folders again that only their owner could read", async () => {
    mkdirSync(join(folder, "a"), { mode: 0o700 });
    await files.write([{ path: "a/one", bytes: text("1") }]);
    expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o755);
  });

  it("says that there is no such file", async () => {
    expect(await files.read("nothing")).toBeUndefined();
    expect(await files.size("no/such/folder")).toBeUndefined();
  });

  it("removes a folder with everything in it, and makes it again when it is needed", async () => {
    await files.write([{ path: "a.p/1", bytes: text("1") }]);
    await files.removeFolder("a.p");
    await files.removeFolder("a.p");
    expect(existsSync(join(folder, "a.p"))).toBe(false);
    await files.write([{ path: "a.p/2", bytes: text("2") }]);
    expect(readdirSync(join(folder, "a.p"))).toEqual(["2"]);
  });

  it.each([
    ["a file is in the place of a folder", "one/two"],
    ["a folder is in the place of a file", "a"],
  ])("fails when %s", async (_, path) => {
    await files.write([
      { path: "one", bytes: text("1") },
      { path: "a/b", bytes: text("2") },
    ]);
    await expect(files.write([{ path, bytes: text("3") }])).rejects.toMatchObject({ reason: "FILE_NOT_WRITTEN" });
    expect(readFileSync(join(folder, "one"), "utf8")).toBe("1");
  });

  it("fails when there is no working folder, and nothing is public then", async () => {
    rmSync(working, { recursive: true });
    await expect(files.write([{ path: "one", bytes: text("1") }])).rejects.toMatchObject({
      reason: "FILE_NOT_WRITTEN",
    });
    expect(existsSync(join(folder, "one"))).toBe(false);
  });

  it("fails when a file cannot be read, instead of taking it for missing", async () => {
    await files.write([{ path: "a/one", bytes: text("1") }]);
    await expect(files.read("a")).rejects.toMatchObject({ reason: "FILE_NOT_READ" });
    await expect(files.read("a/one/two")).rejects.toMatchObject({ reason: "FILE_NOT_READ" });
  });
});
