import { describe, expect, it } from "@jest/globals";
import { makeOutboundPlaces, OUTBOUND_LIMITS } from "../../../src/adapters/oidc/outbound-places.ts";
import type { Outbound } from "../../../src/adapters/oidc/outbound-places.ts";

const never = () => new Promise<never>(() => undefined);
const open = new AbortController().signal;

const named = (host: string): Outbound => ({ host, isOfPattern: false });
const ofPattern = (host: string): Outbound => ({ host, isOfPattern: true });

/** Lets whatever can go on go on. */
const settle = (): Promise<unknown> => new Promise(setImmediate);

describe("places for fetches", () => {
  it("are sixteen, of which patterns may have eight, and two for each host", () => {
    expect(OUTBOUND_LIMITS).toEqual({ total: 16, ofPatterns: 8, perHost: 2 });
  });

  it("let two fetches to a host run at once and the others after them, in order", async () => {
    const places = makeOutboundPlaces();
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<undefined>());
    const begun: number[] = [];
    const all = gates.map((gate, at) =>
      places.run(named("a:443"), open, () => {
        begun.push(at);
        return gate.promise;
      }),
    );
    await settle();
    expect(begun).toEqual([0, 1]);
    gates[1]?.resolve(undefined);
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve(undefined);
    await Promise.all(all);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it("[S3] let sixteen of a thousand cold issuers' fetches run at once", async () => {
    const places = makeOutboundPlaces();
    let running = 0;
    let most = 0;
    const fetches = Array.from({ length: 1_000 }, (_, at) =>
      places.run(named(`issuer-${String(at)}:443`), open, async () => {
        most = Math.max(most, ++running);
        await settle();
        running--;
      }),
    );
    await Promise.all(fetches);
    expect(most).toBe(16);
  });

  it("are not taken by those who wait for a slow host", async () => {
    const places = makeOutboundPlaces({ ...OUTBOUND_LIMITS, total: 3 });
    for (let count = 0; count < 50; count++) void places.run(named("slow:443"), open, never);
    await settle();
    expect(await places.run(named("other:443"), open, () => Promise.resolve("fetched"))).toBe("fetched");
  });

  it("[J11] are not all taken by hosts that strangers name, however many hang", async () => {
    const places = makeOutboundPlaces();
    let hanging = 0;
    for (let at = 0; at < 1_000; at++) {
      void places.run(ofPattern(`t${String(at)}.example:443`), open, () => {
        hanging++;
        return never();
      });
    }
    await settle();
    expect(hanging).toBe(8);
    expect(await places.run(named("other:443"), open, () => Promise.resolve("fetched"))).toBe("fetched");
  });

  it("[J11] of a host that is named as well are not held by strangers who wait for theirs", async () => {
    const places = makeOutboundPlaces();
    for (let at = 0; at < 8; at++) void places.run(ofPattern(`t${String(at)}.example:443`), open, never);
    for (let count = 0; count < 50; count++) void places.run(ofPattern("shared:443"), open, never);
    await settle();
    expect(await places.run(named("shared:443"), open, () => Promise.resolve("fetched"))).toBe("fetched");
  });

  it("are given back by what fails", async () => {
    const places = makeOutboundPlaces({ ...OUTBOUND_LIMITS, total: 1, perHost: 1 });
    await expect(places.run(named("a:443"), open, () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await places.run(named("a:443"), open, () => Promise.resolve("fetched"))).toBe("fetched");
  });

  it.each([
    ["of its host", "a:443", { ...OUTBOUND_LIMITS, total: 5, perHost: 1 }],
    ["of all", "b:443", { ...OUTBOUND_LIMITS, total: 1, perHost: 1 }],
  ])("are waited for no longer than the deadline: a place %s", async (_name, host, limits) => {
    const places = makeOutboundPlaces(limits);
    const gate = Promise.withResolvers<string>();
    const first = places.run(named("a:443"), open, () => gate.promise);
    const controller = new AbortController();
    const waiting = places.run(named(host), controller.signal, never);
    await settle();
    controller.abort(new Error("deadline"));
    await expect(waiting).rejects.toThrow("deadline");
    await expect(places.run(named(host), controller.signal, never)).rejects.toThrow("deadline");
    gate.resolve("first");
    expect(await first).toBe("first");
    expect(await places.run(named(host), open, () => Promise.resolve("next"))).toBe("next");
  });
});
