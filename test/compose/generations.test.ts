import { describe, expect, it } from "@jest/globals";
import { startGenerations } from "../../src/compose/generations.ts";
import type { GenerationSource } from "../../src/compose/generations.ts";
import type { GenerationLog } from "../../src/compose/make-generation.ts";
import type { IssuedCertificate } from "../../src/core/issuance-types.ts";
import type { Generation } from "../../src/issuance/generation.ts";
import { ISSUED, REQUEST } from "../support/empty-issuance.ts";
import { sourceOf } from "../support/generation-source.ts";
import { makeGate } from "../support/held-calls.ts";
import type { Gate } from "../support/held-calls.ts";

const logOf = (name: string): GenerationLog => ({
  certificateLog: { requireOpen: () => undefined, add: () => Promise.reject(new Error(`nobody adds to ${name}`)) },
  publicKeys: [],
});

/** Generations whose requests stand at a gate of their generation. */
function heldGenerations() {
  const gates: Gate[] = [];
  const closed: string[] = [];
  const make = (number: number): Generation => {
    const gate = makeGate();
    gates.push(gate);
    const issueCertificate = async (): Promise<IssuedCertificate> => {
      await gate.pass();
      return ISSUED;
    };
    return { number, issueCertificate, issuers: [], trustBundle: [] };
  };
  const source = (name: string): GenerationSource => sourceOf(make, () => closed.push(name));
  const generations = startGenerations(source("first"), logOf("first"));
  const request = (): Promise<IssuedCertificate> =>
    generations.current().issueCertificate(REQUEST, new AbortController().signal);
  return { generations, request, source, closed, open: (number: number) => gates[number - 1]?.open() };
}

/** Whether a promise has settled once everything that was due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await new Promise(setImmediate);
  return settled;
}

describe("generations", () => {
  it("are counted up, each request keeping the one it began with", () => {
    const { generations } = heldGenerations();
    const first = generations.current();
    void generations.advance({ log: logOf("second") });
    expect([first.number, generations.current().number]).toEqual([1, 2]);
  });

  it("are idle at once where nothing is under way", async () => {
    const { generations } = heldGenerations();
    expect(await isSettled(generations.advance({ log: logOf("second") }))).toBe(true);
  });

  it("are idle behind the last request of the one before, and not of the one that follows", async () => {
    const { generations, request, open } = heldGenerations();
    const before = request();
    const idle = generations.advance({ log: logOf("second") });
    const after = request();
    expect(await isSettled(idle)).toBe(false);
    open(1);
    await before;
    expect(await isSettled(idle)).toBe(true);
    open(2);
    await after;
  });

  it("are not idle while a request is under way that came before the one before", async () => {
    const { generations, request, open } = heldGenerations();
    const oldest = request();
    // The same log with a shard staged beside it; then the other log.
    const staged = generations.advance({ log: logOf("first") });
    const middle = request();
    const activated = generations.advance({ log: logOf("second") });
    open(2);
    await middle;
    expect([await isSettled(staged), await isSettled(activated)]).toEqual([false, false]);
    open(1);
    await oldest;
    expect([await isSettled(staged), await isSettled(activated)]).toEqual([true, true]);
  });

  it("let go of a configuration behind its last request, of whichever generation", async () => {
    const { generations, request, source, closed, open } = heldGenerations();
    const oldest = request();
    void generations.advance({ log: logOf("second") });
    const middle = request();
    const idle = generations.advance({ source: source("second") });
    expect(generations.current().number).toBe(3);
    open(2);
    await middle;
    expect([await isSettled(idle), closed]).toEqual([false, []]);
    open(1);
    await oldest;
    expect([await isSettled(idle), closed]).toEqual([true, ["first"]]);
  });

  it("keep a configuration that issues in another log now", async () => {
    const { generations, closed } = heldGenerations();
    await generations.advance({ log: logOf("second") });
    expect(closed).toEqual([]);
  });

  it("let go of every configuration at the end, once", async () => {
    const { generations, request, source, closed } = heldGenerations();
    void request();
    void generations.advance({ source: source("second") });
    await generations.close();
    await generations.close();
    expect(closed.sort()).toEqual(["first", "second"]);
  });
});
