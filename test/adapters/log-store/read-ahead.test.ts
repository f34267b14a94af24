import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readAhead } from "../../../src/adapters/log-store/sqlite/read-ahead.ts";

const MIB = 1024 * 1024;
const SIZE = 3 * MIB + 17;

describe("reading a file ahead", () => {
  let folder: string;
  let path: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-ahead-"));
    path = join(folder, "file");
    writeFileSync(path, Buffer.alloc(SIZE));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each([
    ["all of it where memory is free", 100 * MIB, SIZE],
    ["no more than half of what is free, and the rest of a piece", 3 * MIB, 2 * MIB],
    ["nothing where nothing is free", 0, 0],
  ])("reads %s", async (_, freeBytes, expected) => {
    const { bytes, close } = await readAhead(path, freeBytes);
    await close();
    expect(bytes).toBe(expected);
  });

  it.each([
    ["is not there", () => join(folder, "none")],
    ["is no file", () => folder],
  ])("leaves what %s to others", async (_, where) => {
    const { bytes, close } = await readAhead(where(), MIB);
    await close();
    expect(bytes).toBe(0);
  });
});
