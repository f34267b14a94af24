import { describe, expect, it } from "@jest/globals";
import { makeOutboundPlaces, OUTBOUND_LIMITS } from "../../../src/adapters/oidc/outbound-places.ts";

const never = () => new Promise<never>(() => undefined);
const open = new AbortController().signal;

/** Lets whatever can go on go on. */
const settle = (): Promise<unknown> => new Promise(setImmediate);

describe("places for fetches", () => {
  it("are sixteen, and two for each host", () => {
    expect(OUTBOUND_LIMITS).toEqual({ total: 16, perHost: 2 });
  });

  it("let two fetches to a host run at once and the others after them, in order", async () => {
    const places = makeOutboundPlaces();
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<undefined>());
    const begun: number[] = [];
    const all = gates.map((gate, at) =>
      places.run("a:443", open, () => {
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
      places.run(`issuer-${String(at)}:443`, open, async () => {
        most = Math.max(most, ++running);
        await settle();
        running--;
      }),
    );
    await Promise.all(fetches);
    expect(most).toBe(16);
  });

  it("are not taken by those who wait for a slow host", async () => {
    const places = makeOutboundPlaces({ total: 3, perHost: 2 });
    for (let count = 0; count < 50; count++) void places.run("slow:443", open, never);
    await settle();
    expect(await places.run("other:443", open, () => Promise.resolve("fetched"))).toBe("fetched");
  });

  it("are given back by what fails", async () => {
    const places = makeOutboundPlaces({ total: 1, perHost: 1 });
    await expect(places.run("a:443", open, () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await places.run("a:443", open, () => Promise.resolve("fetched"))).toBe("fetched");
  });

  it.each([
    ["of its host", "a:443", { total: 5, perHost: 1 }],
    ["of all", "b:443", { total: 1, perHost: 1 }],
  ])("are waited for no longer than the deadline: a place %s", async (_name, host, limits) => {
    const places = makeOutboundPlaces(limits);
    const gate = Promise.withResolvers<string>();
    const first = places.run("a:443", open, () => gate.promise);
    const controller = new AbortController();
    const waiting = places.run(host, controller.signal, never);
    await settle();
    controller.abort(new Error("deadline"));
    await expect(waiting).rejects.toThrow("deadline");
    await expect(places.run(host, controller.signal, never)).rejects.toThrow("deadline");
    gate.resolve("first");
    expect(await first).toBe("first");
    expect(await places.run(host, open, () => Promise.resolve("next"))).toBe("next");
  });
});
