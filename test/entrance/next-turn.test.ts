import { describe, expect, it } from "@jest/globals";
import { nextTurn } from "../../src/entrance/next-turn.ts";

async function work(name: string, trace: string[]): Promise<void> {
  await nextTurn();
  for (const step of ["first", "second"]) {
    trace.push(`${step} step of ${name}`);
    await Promise.resolve();
  }
}

describe("Whoever waits for the next turn of the event loop", () => {
  it("goes on side by side with those who came in the same turn, step by step", async () => {
    const trace: string[] = [];
    await Promise.all([work("a", trace), work("b", trace)]);
    expect(trace).toEqual(["first step of a", "first step of b", "second step of a", "second step of b"]);
  });

  it("does not go on before whatever is done in this turn", async () => {
    const trace: string[] = [];
    const later = work("a", trace);
    await Promise.resolve();
    trace.push("this turn");
    await later;
    expect(trace[0]).toBe("this turn");
  });

  it("waits for another turn than those who were served before", async () => {
    const trace: string[] = [];
    await work("a", trace);
    const second = work("b", trace);
    expect(trace).toHaveLength(2);
    await second;
    expect(trace).toHaveLength(4);
  });
});
