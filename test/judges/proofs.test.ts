import { beforeAll, describe, expect, it } from "@jest/globals";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { leafHash } from "../../src/core/merkle/tree.ts";
import type { LogSnapshot } from "../../src/ports/log-store.ts";
import { building } from "../contracts/log-store.ts";
import { makeRandom } from "../support/crash/random.ts";
import { isGoToolBuilt } from "../support/go-tool.ts";
import { itWhen } from "../support/it-when.ts";
import { checkpointOf, makeSubmissions, MANIFEST } from "../support/log-fixtures.ts";
import { LOGJUDGE } from "./log-judges.ts";
import { compareOnProofs } from "./proof-judge.ts";
import { mutantsOf } from "./proof-mutants.ts";
import { drawProof, holdsForUs } from "./stated-proof.ts";

const SEED = 20261122;
const SIZE = 3_000;
const SAMPLE = 500;
const KINDS_OF_CHANGE = 33;

const [itWithGo, skipped] = itWhen(
  isGoToolBuilt(LOGJUDGE),
  "the judge of proofs in Go is not built; npm run test:log builds it",
);

describe(`${String(SAMPLE)} proofs of a log of ${String(SIZE)} entries, made from its tiles`, () => {
  let snapshot: LogSnapshot;
  let leaves: readonly Uint8Array[];

  beforeAll(async () => {
    const store = createMemoryLogStore({ manifest: MANIFEST, onFatal: () => undefined });
    await store.publish(checkpointOf(await store.append(building(makeSubmissions("entry", SIZE)))));
    snapshot = await store.snapshot();
    leaves = (await snapshot.entries(0, SIZE)).map(leafHash);
  });

  it("hold, and no mutant with a changed hash does", async () => {
    const random = makeRandom(SEED);
    const wrong: string[] = [];
    for (let at = 0; at < SAMPLE; at += 1) {
      const stated = await drawProof(snapshot, leaves, random);
      if (!holdsForUs(stated)) wrong.push("as made");
      const flipped = mutantsOf(stated, random).filter(({ what }) => what.includes("flipped"));
      wrong.push(...flipped.filter((mutant) => holdsForUs(mutant.stated)).map(({ what }) => what));
    }
    expect(wrong).toEqual([]);
  });

  itWithGo(`are judged by transparency-dev/merkle as by us, and so are all their mutants${skipped}`, async () => {
    const random = makeRandom(SEED);
    const draw = () => drawProof(snapshot, leaves, random);
    const { disagreements, mutants, changes } = await compareOnProofs(draw, { count: SAMPLE, random });
    expect(disagreements).toEqual([]);
    expect(changes.size).toBe(KINDS_OF_CHANGE);
    expect(mutants).toBeGreaterThan(20 * SAMPLE * 0.9);
  });
});
