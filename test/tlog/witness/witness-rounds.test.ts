import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MANIFEST } from "../../support/log-fixtures.ts";
import { settle, WitnessLab } from "../../support/witness-lab.ts";
import { CREATED_MS } from "../../support/log-fixtures.ts";

const W1 = "witness.test/w1";
const W2 = "witness.test/w2";

describe("rounds of witnesses while nobody waits for them", () => {
  it("show the newest checkpoint, and complete it with the cosignature", async () => {
    const lab = new WitnessLab(1);
    const checkpoint = await lab.grow(3);
    lab.rounds.offer(checkpoint);
    await settle();
    expect(lab.cosigners(lab.rounds.complete(checkpoint))).toEqual([W1]);
    expect(lab.rounds.cosigned?.note).toBe(lab.rounds.complete(checkpoint).note);
    expect(lab.rounds.cosigners(checkpoint)).toEqual([W1]);
    expect(lab.cosigned.map(({ size }) => size)).toEqual([3]);
  });

  it("show nobody a checkpoint that is wrongly signed, and tell why", async () => {
    const lab = new WitnessLab(2);
    const [good, other] = [await lab.grow(3), await lab.grow(3)];
    lab.rounds.offer({ ...other, note: other.note.replace(/\n\n[^]*$/u, good.note.slice(good.note.indexOf("\n\n"))) });
    await settle();
    expect(lab.answers).toEqual([]);
    expect(lab.storeFailures).toMatchObject([{ reason: "LOG_CORRUPT" }, { reason: "LOG_CORRUPT" }]);
    lab.rounds.offer(other);
    await lab.pass(1_000);
    expect(lab.seenBy(0).size).toBe(6);
  });

  it("begin at most once in their interval, with what is newest then", async () => {
    const lab = new WitnessLab(1);
    for (let size = 0; size < 5; size++) {
      lab.rounds.offer(await lab.grow(10));
      await settle();
    }
    expect(lab.answers).toHaveLength(1);
    await lab.pass(1_000);
    expect(lab.answers).toHaveLength(2);
    expect(lab.seenBy(0).size).toBe(50);
    await lab.pass(60_000);
    expect(lab.answers).toHaveLength(2);
  });

  it("never ask a witness two questions at once, however slow it is, and go on with the others", async () => {
    const lab = new WitnessLab(2);
    const slow = Promise.withResolvers<undefined>();
    const [, second] = lab.witnesses;
    if (second === undefined) throw new TypeError("two witnesses");
    second.gate = slow.promise;
    for (let round = 0; round < 4; round++) {
      lab.rounds.offer(await lab.grow(10));
      await lab.pass(1_000);
    }
    expect(lab.seenBy(0).size).toBe(40);
    expect(lab.cosigners(lab.rounds.cosigned)).toEqual([W1]);
    slow.resolve(undefined);
    await lab.pass(1_000);
    expect(second.fake.requests.map((request) => request.split("\n", 1)[0])).toEqual(["old 0", "old 10"]);
    expect(lab.seenBy(1).size).toBe(40);
    lab.rounds.offer(await lab.grow(10));
    await lab.pass(1_000);
    expect([lab.seenBy(0).size, lab.seenBy(1).size]).toEqual([50, 50]);
    expect(second.underWay.most).toBe(1);
    expect(lab.cosigners(lab.rounds.cosigned)).toEqual([W1, W2]);
  });

  it("get a quorum of two for one tree, also while the log grows all the time and both are slow", async () => {
    const lab = new WitnessLab(2, { required: 2 });
    const sizes: number[] = [];
    for (let step = 0; step < 12; step++) {
      const gates = lab.witnesses.map((witness) => {
        const gate = Promise.withResolvers<undefined>();
        witness.gate = gate.promise;
        return gate;
      });
      lab.rounds.offer(await lab.grow(7));
      await lab.pass(700);
      gates[step % 2]?.resolve(undefined);
      lab.rounds.offer(await lab.grow(7));
      await lab.pass(900);
      gates[(step + 1) % 2]?.resolve(undefined);
      await lab.pass(0);
      sizes.push(lab.rounds.cosigned?.size ?? 0);
    }
    expect(lab.cosigners(lab.rounds.cosigned)).toEqual([W1, W2]);
    expect(new Set(sizes).size).toBeGreaterThan(5);
    expect((await lab.store.head()).size - (sizes.at(-1) ?? 0)).toBeLessThanOrEqual(28);
  });

  it("make no quorum of one witness that cosigned two trees", async () => {
    const lab = new WitnessLab(2, { required: 2 });
    const [, second] = lab.witnesses;
    if (second === undefined) throw new TypeError("two witnesses");
    second.isDown = true;
    for (let round = 0; round < 3; round++) {
      const checkpoint = await lab.grow(1);
      lab.rounds.offer(checkpoint);
      await lab.pass(1_000);
      expect(lab.cosigners(lab.rounds.complete(checkpoint))).toEqual([W1]);
    }
    expect(lab.rounds.cosigned).toBeUndefined();
    expect(lab.cosigned).toEqual([]);
  });

  it("leave a witness that fails alone for longer each time, and are back at once when it is", async () => {
    const lab = new WitnessLab(1);
    const [witness] = lab.witnesses;
    if (witness === undefined) throw new TypeError("one witness");
    witness.isDown = true;
    lab.rounds.offer(await lab.grow(1));
    const counts: number[] = [];
    for (let second = 0; second < 130; second++) {
      await lab.pass(1_000);
      counts.push(lab.answers.length);
    }
    // After 1, 3, 7, 15, 31, 63 and 123 s.
    expect([counts[0], counts[2], counts[6], counts[14], counts[30], counts[62], counts[122]]).toEqual([
      2, 3, 4, 5, 6, 7, 8,
    ]);
    witness.isDown = false;
    await lab.pass(60_000);
    expect(lab.seenBy(0).size).toBe(1);
    lab.rounds.offer(await lab.grow(1));
    await settle();
    expect(lab.seenBy(0).size).toBe(2);
  });

  it("show a tree again that is signed again, so that its cosignatures stay fresh, and keep the old ones until then", async () => {
    const lab = new WitnessLab(1);
    lab.rounds.offer(await lab.grow(3));
    await settle();
    const gate = Promise.withResolvers<undefined>();
    for (const witness of lab.witnesses) witness.gate = gate.promise;
    lab.clock.advance(60_000);
    const again = await lab.sign();
    lab.rounds.offer(again);
    await settle();
    const old = lab.rounds.complete(again);
    expect(lab.cosigners(old)).toEqual([W1]);
    gate.resolve(undefined);
    await settle();
    const fresh = lab.rounds.complete(again);
    expect(lab.cosigners(fresh)).toEqual([W1]);
    expect(fresh.note).not.toBe(old.note);
    expect(lab.rounds.cosigned).toEqual(fresh);
  });

  it("add nothing to a checkpoint of another tree", async () => {
    const lab = new WitnessLab(1);
    lab.rounds.offer(await lab.grow(3));
    await settle();
    const next = await lab.grow(1);
    expect(lab.rounds.complete(next)).toBe(next);
  });

  it("take up what was kept from before a restart, of their own witnesses only", async () => {
    const lab = new WitnessLab(2, { required: 2 });
    const checkpoint = await lab.grow(9);
    lab.rounds.offer(checkpoint);
    await settle();
    const kept = lab.rounds.cosigned;
    if (kept === undefined) throw new Error("no quorum");
    lab.start({ required: 2 }).restore(kept);
    expect(lab.rounds.cosigned).toEqual(kept);
    const requests = lab.witnesses.map(({ fake }) => fake.requests.length);
    lab.rounds.offer(await lab.grow(1));
    await settle();
    expect(lab.witnesses.map(({ fake }) => fake.requests.length)).toEqual(requests.map((count) => count + 1));
    lab.start({ required: 2, witnesses: lab.witnesses.slice(0, 1) }).restore(kept);
    expect(lab.rounds.cosigned).toBeUndefined();
    expect(lab.cosigners(lab.rounds.complete(checkpoint))).toEqual([W1]);
  });

  it("end, for good, with a witness that has seen another log", async () => {
    const lab = new WitnessLab(2);
    lab.rounds.offer(await lab.grow(5));
    await lab.pass(1_000);
    Object.assign(lab.seenBy(1), { root: new Uint8Array(32).fill(1) });
    lab.rounds.offer(await lab.grow(5));
    await lab.pass(1_000);
    expect(lab.forks).toMatchObject([{ witness: W2, kind: "other-tree", oldSize: 5, head: { size: 10 } }]);
    const asked = lab.answers.length;
    lab.rounds.offer(await lab.grow(5));
    await lab.pass(100_000);
    expect(lab.answers).toHaveLength(asked);
    await expect(lab.rounds.cosign(await lab.grow(1), 1_000)).rejects.toMatchObject({ reason: "LOG_FORKED" });
  });

  it("tell of a store that cannot say what witnesses are to be shown, and ask nobody", async () => {
    const lab = new WitnessLab(1);
    const checkpoint = await lab.grow(5);
    lab.rounds.offer({ ...checkpoint, root: new Uint8Array(32) });
    await settle();
    expect(lab.storeFailures).toMatchObject([{ reason: "LOG_CORRUPT" }]);
    expect(lab.answers).toEqual([]);
  });

  it("are over when they are closed", async () => {
    const lab = new WitnessLab(1);
    lab.rounds.close();
    lab.rounds.offer(await lab.grow(5));
    await lab.pass(10_000);
    expect(lab.answers).toEqual([]);
  });
});

describe("rounds of witnesses that somebody waits for", () => {
  it("give the checkpoint with the cosignatures of a quorum, published or not, and do not wait for their interval", async () => {
    const lab = new WitnessLab(2, { required: 2 });
    for (let batch = 1; batch <= 3; batch++) {
      const cosigned = await lab.rounds.cosign(await lab.commit(4), 1_000);
      expect(cosigned.size).toBe(4 * batch);
      expect(lab.cosigners(cosigned)).toEqual([W1, W2]);
    }
    expect(lab.answers).toHaveLength(6);
  });

  it("wait for no more witnesses than they have to", async () => {
    const lab = new WitnessLab(2);
    const [, second] = lab.witnesses;
    if (second === undefined) throw new TypeError("two witnesses");
    second.gate = Promise.withResolvers<undefined>().promise;
    for (let batch = 0; batch < 3; batch++) {
      expect(lab.cosigners(await lab.rounds.cosign(await lab.commit(4), 1_000))).toEqual([W1]);
    }
    expect(second.underWay).toEqual({ now: 1, most: 1 });
  });

  it("ask a witness that was busy with an older tree as soon as it is free", async () => {
    const lab = new WitnessLab(1);
    const gate = Promise.withResolvers<undefined>();
    for (const witness of lab.witnesses) witness.gate = gate.promise;
    const first = lab.rounds.cosign(await lab.commit(4), 1_000);
    const refused = expect(first).rejects.toMatchObject({ reason: "WITNESS_QUORUM_MISSED" });
    await lab.pass(1_000);
    await refused;
    const second = lab.rounds.cosign(await lab.commit(4), 1_000);
    gate.resolve(undefined);
    expect(lab.cosigners(await second)).toEqual([W1]);
  });

  it("give up at once when nobody is left to ask", async () => {
    const lab = new WitnessLab(2, { required: 2 });
    const [first] = lab.witnesses;
    if (first === undefined) throw new TypeError("two witnesses");
    first.isDown = true;
    await expect(lab.rounds.cosign(await lab.commit(4), 1_000)).rejects.toMatchObject({
      reason: "WITNESS_QUORUM_MISSED",
      message: "1 of 2 witnesses cosigned 4 entries",
    });
    await expect(lab.rounds.cosign(await lab.sign(), 1_000)).rejects.toMatchObject({ reason: "WITNESS_QUORUM_MISSED" });
  });

  it("find the cosignatures of a tree that is signed again, without asking first", async () => {
    const lab = new WitnessLab(1);
    await lab.rounds.cosign(await lab.commit(4), 1_000);
    for (const witness of lab.witnesses) witness.isDown = true;
    const again = await lab.sign();
    const cosigned = await lab.rounds.cosign(again, 1_000);
    expect(cosigned.timestampMs).toBe(again.timestampMs);
    expect(lab.cosigners(cosigned)).toEqual([W1]);
  });

  it("find a quorum that came too late for the one who waited", async () => {
    const lab = new WitnessLab(1);
    const gate = Promise.withResolvers<undefined>();
    for (const witness of lab.witnesses) witness.gate = gate.promise;
    const late = expect(lab.rounds.cosign(await lab.commit(4), 1_000)).rejects.toThrow();
    await lab.pass(1_000);
    await late;
    gate.resolve(undefined);
    await settle();
    for (const witness of lab.witnesses) witness.isDown = true;
    expect(lab.cosigners(await lab.rounds.cosign(await lab.sign(), 1_000))).toEqual([W1]);
  });

  it("tell whoever waits of a fork", async () => {
    const lab = new WitnessLab(1);
    await lab.rounds.cosign(await lab.commit(4), 1_000);
    Object.assign(lab.seenBy(0), { size: 99 });
    await expect(lab.rounds.cosign(await lab.commit(4), 1_000)).rejects.toMatchObject({ reason: "LOG_FORKED" });
  });
});

describe("asking every witness before anybody is served", () => {
  it("is done when each has answered, or is known not to be there", async () => {
    const lab = new WitnessLab(2);
    const [first] = lab.witnesses;
    if (first === undefined) throw new TypeError("two witnesses");
    first.isDown = true;
    await lab.rounds.askEverybody(await lab.grow(4), 5_000);
    expect(lab.answers.map(([, { result }]) => result)).toEqual(["unavailable", "cosigned"]);
  });

  it("waits only so long", async () => {
    const lab = new WitnessLab(1);
    for (const witness of lab.witnesses) witness.gate = Promise.withResolvers<undefined>().promise;
    const asked = lab.rounds.askEverybody(await lab.grow(4), 5_000);
    await lab.pass(5_000);
    await asked;
    expect(lab.answers).toEqual([]);
  });

  it("finds the one witness that has seen more, also when the others are content", async () => {
    const lab = new WitnessLab(3);
    await lab.rounds.askEverybody(await lab.grow(4), 5_000);
    Object.assign(lab.seenBy(2), { size: 5 });
    lab.start();
    await expect(lab.rounds.askEverybody(await lab.sign(), 5_000)).rejects.toMatchObject({ reason: "LOG_FORKED" });
    expect(lab.forks).toMatchObject([{ kind: "ahead", witnessSize: 5 }]);
  });
});

/** What may happen to a log and its witnesses, besides that time passes. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("grow" as const), count: fc.integer({ min: 0, max: 300 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const), keep: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("outage" as const), witness: fc.integer({ min: 0, max: 2 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("forget" as const), witness: fc.integer({ min: 0, max: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const) }) },
);

describe("witnesses and log, whatever happens to either", () => {
  it("agree in the end, with no fork seen, none asked twice at once, and each cosigned tree one of the log's", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(happening, { maxLength: 25 }),
        fc.integer({ min: 1, max: 3 }),
        async (happenings, required) => {
          const lab = new WitnessLab(3, { required });
          const roots = new Map<number, string>();
          const grow = async (count: number): Promise<void> => {
            const checkpoint = await lab.grow(count);
            roots.set(checkpoint.size, Buffer.from(checkpoint.root).toString("hex"));
            lab.rounds.offer(checkpoint);
          };
          for (const event of happenings) {
            const witness = "witness" in event ? lab.witnesses[event.witness] : undefined;
            if (event.kind === "grow") await grow(event.count);
            if (event.kind === "outage" && witness !== undefined) witness.isDown = !witness.isDown;
            if (event.kind === "forget") witness?.fake.learn(MANIFEST.origin, [lab.signer]);
            if (event.kind === "restart") {
              const kept = event.keep ? lab.rounds.cosigned : undefined;
              lab.rounds.close();
              await settle();
              lab.start({ required });
              if (kept !== undefined) lab.rounds.restore(kept);
            }
            await lab.pass(event.kind === "wait" ? 10_000 : 400);
          }
          for (const witness of lab.witnesses) witness.isDown = false;
          await grow(1);
          await lab.pass(120_000);
          const { size, root } = await lab.store.head();
          for (const { fake } of lab.witnesses) expect(fake.seen(MANIFEST.origin)).toMatchObject({ size, root });
          for (const { underWay } of lab.witnesses) expect(underWay.most).toBeLessThanOrEqual(1);
          expect(lab.rounds.cosigned?.size).toBe(size);
          expect(lab.forks).toEqual([]);
          expect(lab.storeFailures).toEqual([]);
          for (const checkpoint of lab.cosigned) {
            expect(Buffer.from(checkpoint.root).toString("hex")).toBe(roots.get(checkpoint.size));
            expect(lab.cosigners(checkpoint).length).toBeGreaterThanOrEqual(required);
          }
        },
      ),
      { seed: 20261122, numRuns: 40 },
    );
  });

  it("never agree on two logs: one that begins again is found by the first witness that is asked", async () => {
    const lab = new WitnessLab(2);
    lab.rounds.offer(await lab.grow(20));
    await lab.pass(1_000);
    lab.store = lab.makeStore();
    lab.start();
    expect(lab.clock.now()).toBeGreaterThan(CREATED_MS);
    await expect(lab.rounds.askEverybody(await lab.grow(19), 1_000)).rejects.toMatchObject({ reason: "LOG_FORKED" });
    lab.start();
    await expect(lab.rounds.askEverybody(await lab.grow(21), 1_000)).rejects.toMatchObject({ reason: "LOG_FORKED" });
    expect(lab.forks.map(({ kind }) => kind)).toEqual(["ahead", "other-tree"]);
  });
});
