import { expect } from "@jest/globals";
import { createMemoryLogStore } from "../../../src/adapters/log-store/memory/memory-log-store.ts";
import { leafHash } from "../../../src/core/merkle/tree.ts";
import { building } from "../../contracts/log-store.ts";
import { LOGJUDGE } from "../../judges/log-judges.ts";
import { compareOnProofs, type ProofComparison } from "../../judges/proof-judge.ts";
import { drawProof } from "../../judges/stated-proof.ts";
import { makeRandom } from "../../support/crash/random.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import { checkpointOf, makeSubmissions, MANIFEST } from "../../support/log-fixtures.ts";

const SEED = 20261122;
/** Past 2^16, so that three levels of tiles take part. */
const SIZE = 66_000;
const PROOFS = 100_000;

const [itWithGo, skipped] = itWhen(goVersion() !== undefined, "no go command");

function record({ proofs, mutants, changes, stillTrue, disagreements }: ProofComparison, seconds: number): void {
  recordEvidence(
    `${String(proofs)} proofs at random (seed ${String(SEED)}, trees of up to ${String(SIZE)} entries, a quarter of them of consistency) and ${String(mutants)} mutants of them, judged by transparency-dev/merkle and by our verifier: ${String(disagreements.length)} disagreements, ${seconds.toFixed(0)} s`,
  );
  const kinds = [...changes].map(([what, times]) => {
    const kept = stillTrue.get(what);
    return `${what} ${String(times)}${kept === undefined ? "" : ` (still true for both: ${String(kept)})`}`;
  });
  recordEvidence(`mutants: ${kinds.join(", ")}`);
}

itWithGo(`transparency-dev/merkle judges 100,000 proofs and all their mutants as we do${skipped}`, async () => {
  buildGoTool(LOGJUDGE);
  const store = createMemoryLogStore({ manifest: MANIFEST, onFatal: () => undefined });
  await store.publish(checkpointOf(await store.append(building(makeSubmissions("entry", SIZE)))));
  const snapshot = await store.snapshot();
  const leaves = (await snapshot.entries(0, SIZE)).map(leafHash);
  const random = makeRandom(SEED);
  const start = performance.now();
  const comparison = await compareOnProofs(() => drawProof(snapshot, leaves, random), { count: PROOFS, random });
  record(comparison, (performance.now() - start) / 1000);
  expect(comparison.disagreements).toEqual([]);
});
