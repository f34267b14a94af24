import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { createMemorySigner } from "../../../src/adapters/signers/memory.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { makeTreeHeadCheckpointSigner } from "../../../src/ctlog/tree-head-checkpoint-signer.ts";
import { makeEd25519CheckpointSigner } from "../../../src/tlog/ed25519-checkpoint-signer.ts";
import { startSequencer } from "../../../src/tlog/sequencer.ts";
import { makeSubmission, MANIFEST } from "../log-fixtures.ts";

/*
 * A process that puts COUNT entries of LENGTH bytes into a log. Usage: writing-process.ts FILE COUNT LENGTH.
 * Prints "answered INDEX TEXT", "refused REASON", and "fatal REASON" before it ends with 3. What is refused for lack of
 * room or time is tried again.
 */

const [path = "", count = "", length = ""] = process.argv.slice(2);
const WRITERS = 4;

async function say(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}

const onFatal = (error: MayflyError): void => {
  void say(`fatal ${error.reason}`).then(() => process.exit(3));
};
const store = await openSqliteLogStore({ path, onFatal, allowAnyFilesystem: true });
const sequencer = await startSequencer({
  store,
  clock: systemClock,
  origin: MANIFEST.origin,
  checkpointSigners: [
    makeTreeHeadCheckpointSigner(MANIFEST.origin, createMemorySigner("ecdsa-p256-sha256")),
    makeEd25519CheckpointSigner(MANIFEST.origin, createMemorySigner("ed25519")),
  ],
  onFatal,
});

let next = 0;

async function write(): Promise<void> {
  while (next < Number(count)) {
    const text = `${process.pid}-${next++}`;
    while (!(await tryOnce(text))) await pause(5);
  }
}

async function tryOnce(text: string): Promise<boolean> {
  try {
    const { index } = await sequencer.append(makeSubmission(text, { length: Number(length) }));
    await say(`answered ${index} ${text}`);
    return true;
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error;
    await say(`refused ${error.reason}`);
    if (error.code === "log_unavailable" && error.reason !== "LOG_CLOSED") return false;
    // The end is somebody else's to tell.
    return new Promise(() => undefined);
  }
}

await Promise.all(Array.from({ length: WRITERS }, write));
await sequencer.close();
await store.close();
