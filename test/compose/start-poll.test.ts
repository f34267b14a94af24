import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { startPoll } from "../../src/compose/start-poll.ts";
import { makeGate } from "../support/held-calls.ts";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe("a poll", () => {
  it("looks every so often until it is closed, and not at once", async () => {
    let looks = 0;
    const poll = startPoll(() => {
      looks++;
      return Promise.resolve();
    }, 500);
    await jest.advanceTimersByTimeAsync(499);
    expect(looks).toBe(0);
    await jest.advanceTimersByTimeAsync(1_001);
    expect(looks).toBe(3);
    poll.close();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(looks).toBe(3);
  });

  it("takes one look at a time, whoever asks for it, and goes on after one that hung", async () => {
    const gate = makeGate();
    let looks = 0;
    const poll = startPoll(() => {
      looks++;
      return gate.pass();
    }, 500);
    const first = poll.look();
    expect(poll.look()).toBe(first);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(looks).toBe(1);
    gate.open();
    await first;
    await jest.advanceTimersByTimeAsync(500);
    expect(looks).toBe(2);
    poll.close();
  });
});
