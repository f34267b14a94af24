import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileHighWaterMark } from "../../../src/adapters/high-water-mark/file.ts";
import { makeMemoryHighWaterMark } from "../../../src/adapters/high-water-mark/memory.ts";
import { createMemorySigner } from "../../../src/adapters/signers/memory.ts";
import { makeTreeHeadCheckpointSigner } from "../../../src/ctlog/tree-head-checkpoint-signer.ts";
import type { HighWaterMark } from "../../../src/ports/high-water-mark.ts";
import type { PublishedCheckpoint } from "../../../src/ports/log-store.ts";
import { makeEd25519CheckpointSigner } from "../../../src/tlog/ed25519-checkpoint-signer.ts";
import { signCheckpoint } from "../../../src/tlog/sign-checkpoint.ts";
import { CREATED_MS, MANIFEST, sha256 } from "../../support/log-fixtures.ts";

const { origin } = MANIFEST;
const signers = [
  makeTreeHeadCheckpointSigner(origin, createMemorySigner("ecdsa-p256-sha256")),
  makeEd25519CheckpointSigner(origin, createMemorySigner("ed25519")),
];

function checkpoint(size: number): Promise<PublishedCheckpoint> {
  const root = sha256(Buffer.from(`tree of ${size}`));
  return signCheckpoint({ origin, size, root, timestampMs: CREATED_MS + size }, signers);
}

describe("a high-water mark", () => {
  let directory: string;
  let path: string;
  let failures: unknown[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "mayfly-mark-"));
    path = join(directory, "head.note");
    failures = [];
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const open = (): HighWaterMark => openFileHighWaterMark({ path, onFailure: (error) => void failures.push(error) });

  it.each<[string, () => HighWaterMark]>([
    ["in a file", open],
    ["in memory", makeMemoryHighWaterMark],
  ])("%s knows nothing at first, then the newest checkpoint", async (_, make) => {
    const mark = make();
    expect(await mark.read()).toBeUndefined();
    for (const size of [1, 2, 30]) mark.advance(await checkpoint(size));
    await mark.close();
    expect((await mark.read())?.size).toBe(30);
    expect(failures).toEqual([]);
  });

  it("is written when flush says so, and goes on afterwards", async () => {
    const mark = open();
    for (const size of [3, 4, 5]) {
      mark.advance(await checkpoint(size));
      await mark.flush();
      expect((await open().read())?.size).toBe(size);
    }
    await mark.close();
  });

  it("gives back all of the checkpoint after a restart", async () => {
    const newest = await checkpoint(7);
    const mark = open();
    mark.advance(newest);
    await mark.close();
    expect(await open().read()).toEqual(newest);
  });

  it("is the signed note itself, its owner's alone, with nothing beside it", async () => {
    const newest = await checkpoint(7);
    const mark = open();
    mark.advance(newest);
    await mark.close();
    expect(readFileSync(path, "utf8")).toBe(newest.note);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["head.note"]);
  });

  it("writes the first checkpoint at once and the newest of the others a second later, without being closed", async () => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "queueMicrotask", "setImmediate"] });
    try {
      const [one, two, three, four] = await Promise.all([1, 2, 3, 4].map(checkpoint));
      const mark = open();
      const fileBecomes = async ({ note }: PublishedCheckpoint): Promise<void> => {
        while (!existsSync(path) || readFileSync(path, "utf8") !== note) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      for (const each of [one, two, three]) mark.advance(each!);
      await fileBecomes(one!);
      jest.advanceTimersByTime(1_000);
      await fileBecomes(three!);
      jest.advanceTimersByTime(1_000);
      mark.advance(four!);
      await fileBecomes(four!);
      await mark.close();
      expect(failures).toEqual([]);
    } finally {
      jest.useRealTimers();
    }
  });

  it("reports a write that failed, and writes the next", async () => {
    mkdirSync(`${path}.new`);
    const mark = open();
    mark.advance(await checkpoint(1));
    expect(mark.failure()).toBeUndefined();
    await mark.flush();
    expect(failures).toEqual([mark.failure()]);
    expect(mark.failure()).toMatchObject({ code: "EISDIR" });
    expect(existsSync(path)).toBe(false);
    rmSync(`${path}.new`, { recursive: true });
    mark.advance(await checkpoint(2));
    await mark.close();
    expect((await mark.read())?.size).toBe(2);
    expect(mark.failure()).toBeUndefined();
  });

  it("is tried again a second after a write that failed late", async () => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "queueMicrotask", "setImmediate"] });
    try {
      // Opening it waits for a reader; what is written then cannot be flushed.
      execFileSync("mkfifo", [`${path}.new`]);
      const mark = open();
      mark.advance(await checkpoint(1));
      jest.advanceTimersByTime(2_000);
      const reader = openSync(`${path}.new`, constants.O_RDONLY | constants.O_NONBLOCK);
      while (mark.failure() === undefined) await new Promise((resolve) => setImmediate(resolve));
      closeSync(reader);
      rmSync(`${path}.new`);
      jest.advanceTimersByTime(1_000);
      while (!existsSync(path)) await new Promise((resolve) => setImmediate(resolve));
      await mark.close();
      expect((await mark.read())?.size).toBe(1);
      expect(mark.failure()).toBeUndefined();
    } finally {
      jest.useRealTimers();
    }
  });

  it.each<[string, (note: string) => string]>([
    ["is empty", () => ""],
    ["is cut off", (note) => note.slice(0, note.length / 2)],
    ["is no note", () => "hello\n"],
    ["has no tree head signature", (note) => note.replace(/\n\n\u2014 [^\n]*\n/u, "\n\n")],
    ["has no size", (note) => note.replace("\n7\n", "\nseven\n")],
  ])("refuses a file that %s", async (_, change) => {
    writeFileSync(path, change((await checkpoint(7)).note));
    await expect(open().read()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
  });

  it("does not take an unreadable file for a missing one", async () => {
    mkdirSync(path);
    await expect(open().read()).rejects.toMatchObject({ reason: "LOG_READ_FAILED" });
  });
});
