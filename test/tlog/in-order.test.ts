import { describe, expect, it } from "@jest/globals";
import { inOrder } from "../../src/tlog/in-order.ts";

/** Work whose end the test decides. */
function heldWorks(count: number): {
  readonly works: readonly (() => Promise<number>)[];
  readonly held: readonly PromiseWithResolvers<number>[];
  readonly begun: number[];
} {
  const held = Array.from({ length: count }, () => Promise.withResolvers<number>());
  const begun: number[] = [];
  const works = held.map(({ promise }, at) => () => {
    begun.push(at);
    return promise;
  });
  return { works, held, begun };
}

describe("work in order", () => {
  it("gives results in order, whoever is done first, and begins no more than it may", async () => {
    const { works, held, begun } = heldWorks(5);
    const results = inOrder(works, 2);
    const first = results.next();
    expect(begun).toEqual([0, 1, 2]);
    for (const at of [4, 3, 2, 1, 0]) held[at]?.resolve(at);
    expect(await first).toEqual({ done: false, value: 0 });
    expect(begun).toEqual([0, 1, 2]);
    const rest: number[] = [];
    for await (const result of results) rest.push(result);
    expect({ rest, begun }).toEqual({ rest: [1, 2, 3, 4], begun: [0, 1, 2, 3, 4] });
  });

  it("fails where the work failed whose turn it is, and waits for what is under way", async () => {
    const { works, held, begun } = heldWorks(5);
    const results = inOrder(works, 2);
    const first = results.next();
    held[1]?.reject(new Error("broken"));
    held[0]?.resolve(0);
    expect(await first).toEqual({ done: false, value: 0 });
    const failing = results.next();
    let isOver = false;
    const seen = failing.catch((error: unknown) => {
      isOver = true;
      return error;
    });
    await Promise.resolve();
    expect(isOver).toBe(false);
    held[2]?.resolve(2);
    held[3]?.resolve(3);
    expect(await seen).toEqual(new Error("broken"));
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it("begins no more when its caller stops", async () => {
    const { works, held, begun } = heldWorks(9);
    for (const [at, { resolve }] of held.entries()) resolve(at);
    for await (const result of inOrder(works, 3)) {
      if (result === 1) break;
    }
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });
});
