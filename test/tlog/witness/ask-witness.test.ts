import { beforeEach, describe, expect, it } from "@jest/globals";
import type { PublishedCheckpoint } from "../../../src/ports/log-store.ts";
import { askWitness, type AskedWitness } from "../../../src/tlog/witness/ask-witness.ts";
import type { FakeWitness, WitnessReply } from "../../fakes/fake-witness.ts";
import { MANIFEST } from "../../support/log-fixtures.ts";
import { WitnessLab } from "../../support/witness-lab.ts";
import type { DirectWitness } from "../../support/direct-witness.ts";

describe("asking a witness", () => {
  let lab: WitnessLab;
  let witness: DirectWitness;
  let fake: FakeWitness;

  beforeEach(() => {
    lab = new WitnessLab(1);
    [witness] = lab.witnesses as [DirectWitness];
    fake = witness.fake;
  });

  const ask = (checkpoint: PublishedCheckpoint, knownSize = 0): Promise<AskedWitness> =>
    askWitness({ witness, store: lab.store, checkpoint, knownSize });

  const conflict = (size: number): WitnessReply => ({
    status: 409,
    type: "text/x.tlog.size",
    body: `${String(size)}\n`,
  });

  /** Lets the witness see the log grow, so that it is at `size`. */
  async function showAt(size: number): Promise<void> {
    expect((await ask(await lab.grow(size))).kind).toBe("cosigned");
    fake.requests.length = 0;
  }

  it.each([0, 1, 2, 255, 256, 257, 700])("gets a first checkpoint of %i entries cosigned", async (size) => {
    const checkpoint = await lab.grow(size);
    expect((await ask(checkpoint)).kind).toBe("cosigned");
    expect(lab.seenBy(0)).toMatchObject({ size, root: checkpoint.root });
  });

  it.each([
    [1, 1],
    [1, 2],
    [255, 1],
    [256, 256],
    [300, 700],
    [7, 0],
  ])("gets a tree of %i and then %i more cosigned, with a proof from its own tiles", async (first, more) => {
    await showAt(first);
    const checkpoint = await lab.grow(more);
    expect((await ask(checkpoint, first)).kind).toBe("cosigned");
    expect(fake.requests).toHaveLength(1);
    expect(lab.seenBy(0).size).toBe(first + more);
  });

  it("asks again from the size that the witness says to be at, be it larger or smaller than thought", async () => {
    await showAt(300);
    const checkpoint = await lab.grow(100);
    expect((await ask(checkpoint, 0)).kind).toBe("cosigned");
    expect(fake.requests.map((request) => request.split("\n", 1)[0])).toEqual(["old 0", "old 300"]);
    fake.learn(MANIFEST.origin, [lab.signer]);
    expect((await ask(await lab.grow(1), 400)).kind).toBe("cosigned");
    expect(lab.seenBy(0).size).toBe(401);
  });

  it("shows a tree that is committed and not published yet", async () => {
    await showAt(10);
    expect((await ask(await lab.commit(5), 10)).kind).toBe("cosigned");
  });

  it("believes no witness that is ahead before it has asked twice", async () => {
    await showAt(10);
    fake.seen(MANIFEST.origin).size = 99;
    const asked = await ask(await lab.grow(5), 10);
    expect(asked).toMatchObject({
      kind: "forked",
      fork: { witness: witness.name, kind: "ahead", oldSize: 10, witnessSize: 99, head: { size: 15 } },
    });
    expect(fake.requests).toHaveLength(2);
    if (asked.kind !== "forked") throw new Error(asked.kind);
    expect(asked.fork.answer.request).toBe(fake.requests[1]);
    expect(asked.fork.answer.response).toEqual({ status: 409, body: "99\n" });
  });

  it("believes a witness that is ahead of the checkpoint and not of the log", async () => {
    const early = await lab.grow(10);
    await showAt(5);
    expect(await ask(early, 10)).toMatchObject({ kind: "failed", witnessSize: 15 });
    expect(fake.requests).toHaveLength(1);
  });

  it("sees no fork where the log has grown to what the witness has seen, between question and comparison", async () => {
    const early = await lab.grow(10);
    witness.instead = () => {
      witness.instead = undefined;
      return conflict(12);
    };
    witness.gate = lab.commit(2);
    expect(await ask(early, 0)).toMatchObject({ kind: "failed", witnessSize: 12 });
  });

  it.each([
    ["a size that it is not at", 5, conflict(99)],
    ["a proof that is none", 5, { status: 422 }],
    ["another root", 0, { status: 409 }],
  ])("forgives a witness that speaks once of %s", async (_what, more, wrong) => {
    await showAt(10);
    let times = 1;
    witness.instead = () => (times-- > 0 ? wrong : undefined);
    expect((await ask(await lab.grow(more), 10)).kind).toBe("cosigned");
  });

  it("counts a proof that is refused twice as a fork", async () => {
    await showAt(10);
    fake.seen(MANIFEST.origin).root = new Uint8Array(32).fill(1);
    expect(await ask(await lab.grow(5), 10)).toMatchObject({
      kind: "forked",
      fork: { kind: "other-tree", oldSize: 10, witnessSize: undefined, head: { size: 15 } },
    });
    expect(fake.requests).toHaveLength(2);
  });

  it("counts another root of the same size as a fork, however the witness says it", async () => {
    await showAt(10);
    fake.seen(MANIFEST.origin).root = new Uint8Array(32).fill(1);
    for (const reply of [undefined, conflict(10), { status: 422 }]) {
      witness.instead = () => reply;
      expect(await ask(await lab.sign(), 10)).toMatchObject({ kind: "forked", fork: { kind: "other-tree" } });
    }
  });

  it.each([
    ["says nothing of its size", { status: 409 }],
    ["says the size that it was asked from", conflict(10)],
    ["refuses", { status: 404 }],
    ["fails", { status: 500 }],
  ])("is content with a failure when the witness %s", async (_what, reply) => {
    await showAt(10);
    witness.instead = () => reply;
    expect((await ask(await lab.grow(5), 10)).kind).toBe("failed");
  });

  it("asks no more than five times, whatever sizes it is told", async () => {
    const checkpoint = await lab.grow(20);
    let size = 0;
    let asked = 0;
    witness.instead = () => {
      asked += 1;
      return conflict((size = (size + 1) % 20));
    };
    expect((await ask(checkpoint)).kind).toBe("failed");
    expect(asked).toBe(5);
  });

  it("shows nobody a checkpoint that its own tiles do not lead to", async () => {
    await showAt(10);
    const checkpoint = await lab.grow(5);
    const wrong = { ...checkpoint, root: new Uint8Array(32).fill(1) };
    for (const knownSize of [0, 10, 15]) {
      await expect(ask(wrong, knownSize)).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
    }
    expect(fake.requests).toEqual([]);
  });
});
