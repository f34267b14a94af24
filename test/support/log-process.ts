import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { openSqliteLogStore } from "../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { makeTreeHeadCheckpointSigner } from "../../src/ctlog/tree-head-checkpoint-signer.ts";
import { makeEd25519CheckpointSigner } from "../../src/tlog/ed25519-checkpoint-signer.ts";
import { startSequencer } from "../../src/tlog/sequencer.ts";
import { makeSubmission, MANIFEST } from "./log-fixtures.ts";

/* A process that writes to a log until it is killed. Usage: log-process.ts FILE NAME; prints "INDEX TEXT" per answer. */

const [path = "", name = ""] = process.argv.slice(2);
const WRITERS = 8;

const onFatal = (error: Error): never => {
  throw error;
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

async function write(writer: number): Promise<never> {
  for (let at = 0; ; at++) {
    const text = `${name}-${writer}-${at}`;
    const { index } = await sequencer.append(makeSubmission(text, { length: 500 }));
    process.stdout.write(`${index} ${text}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
