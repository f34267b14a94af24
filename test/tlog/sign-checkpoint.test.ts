import { describe, expect, it } from "@jest/globals";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { proveSigner } from "../../src/adapters/signers/prove-signer.ts";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import { makeTreeHeadVerifier } from "../../src/core/ct/signed-tree-head.ts";
import { parseSignedNote, verifySignedNote } from "../../src/core/note/signed-note.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../../src/core/note/verifier-key.ts";
import { makeTreeHeadCheckpointSigner } from "../../src/ctlog/tree-head-checkpoint-signer.ts";
import type { PublishedCheckpoint } from "../../src/ports/log-store.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { makeEd25519CheckpointSigner } from "../../src/tlog/ed25519-checkpoint-signer.ts";
import { requireSigned, signCheckpoint } from "../../src/tlog/sign-checkpoint.ts";

const ORIGIN = "log.test/2026";
const TREE = { origin: ORIGIN, size: 3, root: new Uint8Array(32).fill(7), timestampMs: 1_800_000_000_000 };

/** Signs well as often as is said, and then something else. */
function spoiledAfter(good: number, signer: Signer): Signer {
  let signatures = 0;
  return {
    ...signer,
    sign: (message) => signer.sign((signatures += 1) > good ? Buffer.concat([message, message]) : message),
  };
}

describe("signCheckpoint", () => {
  const logSigner = createMemorySigner("ecdsa-p256-sha256");
  const checkpointSigner = createMemorySigner("ed25519");
  const treeHeadLine = makeTreeHeadCheckpointSigner(ORIGIN, logSigner);

  it("signs with every key what verifiers of each accept", async () => {
    const signers = [treeHeadLine, makeEd25519CheckpointSigner(ORIGIN, checkpointSigner)];
    const note = parseSignedNote((await signCheckpoint(TREE, signers)).note);
    const publicKey = ed25519KeyOfSpki(checkpointSigner.publicKey);
    const verifiers = [
      makeTreeHeadVerifier({ origin: ORIGIN, key: parseLogKey(logSigner.publicKey) }),
      makeEd25519Verifier({ name: ORIGIN, type: SIGNATURE_TYPE.ed25519, publicKey }),
    ];
    for (const verifier of verifiers) expect(verifySignedNote(note, [verifier])).toHaveLength(1);
  });

  it.each([
    ["wrong", (checkpoint: PublishedCheckpoint) => checkpoint],
    ["missing", ({ note, ...rest }: PublishedCheckpoint) => ({ ...rest, note: note.replace(/[^\n]*\n$/u, "") })],
  ])("signs what is refused before it is shown when a line that was not verified is %s", async (_, change) => {
    const spoiled = makeEd25519CheckpointSigner(ORIGIN, spoiledAfter(0, checkpointSigner));
    const checkpoint = change(await signCheckpoint(TREE, [treeHeadLine, spoiled]));
    expect(() => {
      requireSigned(checkpoint, [treeHeadLine, spoiled]);
    }).toThrow(
      expect.objectContaining({ reason: "LOG_CORRUPT", message: `wrong signature by checkpoint key ${ORIGIN}` }),
    );
    expect(() => {
      requireSigned(checkpoint, [treeHeadLine]);
    }).not.toThrow();
  });

  it("gives no checkpoint whose tree head is not signed by the log's key", async () => {
    const spoiled = makeTreeHeadCheckpointSigner(ORIGIN, spoiledAfter(0, logSigner));
    await expect(signCheckpoint(TREE, [spoiled])).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
  });

  it("gives no checkpoint that an Ed25519 key of this process signs wrongly at every sample", async () => {
    const sampleEvery = 256;
    let found = 0;
    // The proof at load, and then all but the last of a sample.
    const signer = await proveSigner(spoiledAfter(sampleEvery, checkpointSigner), {
      sampleEvery,
      onMismatch: () => (found += 1),
    });
    const line = makeEd25519CheckpointSigner(ORIGIN, signer);
    for (let good = 1; good < sampleEvery; good++) await signCheckpoint(TREE, [line]);
    await expect(signCheckpoint(TREE, [line])).rejects.toMatchObject({ reason: "SIGNATURE_INVALID" });
    expect(found).toBe(1);
  });
});
