import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { startIdleTimer, type IdleTimer } from "../../src/tlog/idle-timer.ts";

describe("an idle timer", () => {
  let timer: IdleTimer;
  let fired: number;

  beforeEach(() => {
    jest.useFakeTimers();
    fired = 0;
    timer = startIdleTimer(() => {
      fired += 1;
    }, 1_000);
  });

  afterEach(() => {
    timer.stop();
    jest.useRealTimers();
  });

  it("fires once when nobody refreshes it", () => {
    jest.advanceTimersByTime(5_000);
    expect(fired).toBe(1);
  });

  it("does not fire while it is refreshed in time", () => {
    for (let at = 0; at < 5; at++) {
      jest.advanceTimersByTime(999);
      timer.refresh(1_000);
    }
    expect(fired).toBe(0);
    jest.advanceTimersByTime(1_000);
    expect(fired).toBe(1);
  });

  it("fires again after a refresh that follows", () => {
    jest.advanceTimersByTime(1_000);
    timer.refresh(1_000);
    jest.advanceTimersByTime(1_000);
    expect(fired).toBe(2);
  });

  it("takes another time, and keeps it to that", () => {
    timer.refresh(100);
    jest.advanceTimersByTime(100);
    expect(fired).toBe(1);
    timer.refresh(1_000);
    jest.advanceTimersByTime(999);
    expect(fired).toBe(1);
    jest.advanceTimersByTime(1);
    expect(fired).toBe(2);
  });

  it("stays silent once it is stopped, even when it is refreshed", () => {
    timer.stop();
    timer.refresh(1_000);
    timer.refresh(10);
    jest.advanceTimersByTime(5_000);
    expect(fired).toBe(0);
  });
});
