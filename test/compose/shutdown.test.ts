import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { makeShutdown } from "../../src/compose/shutdown.ts";
import { openTelemetry } from "../../src/adapters/telemetry/open-telemetry.ts";

const TIMES = { lameDuckSeconds: 5, drainSeconds: 20, closeSeconds: 5 };

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate"] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A shutdown of one resource that closes when the test says so. */
function makeStopping() {
  const resources = new AsyncDisposableStack();
  const closed = Promise.withResolvers<undefined>();
  let closing = false;
  resources.defer(async () => {
    closing = true;
    await closed.promise;
  });
  const telemetry = openTelemetry({ version: "test", logLevel: "silent" });
  const shutdown = makeShutdown(TIMES, { resources, telemetry });
  let exitCode: number | undefined;
  void shutdown.stopped.then((code) => (exitCode = code));
  return { shutdown, closed, isClosing: () => closing, exitCode: () => exitCode };
}

const pass = async (ms: number): Promise<void> => {
  await jest.advanceTimersByTimeAsync(ms);
  await new Promise(setImmediate);
};

describe("a process that was told to stop", () => {
  it("[T2] ends after thirty seconds at the latest, with an error, whatever hangs", async () => {
    const { shutdown, isClosing, exitCode } = makeStopping();
    shutdown.stop();
    expect(shutdown.begun).toBe(true);
    await pass(4_999);
    expect(isClosing()).toBe(false);
    await pass(1);
    expect(isClosing()).toBe(true);
    await pass(24_999);
    expect(exitCode()).toBeUndefined();
    await pass(1);
    expect(exitCode()).toBe(1);
  });

  it("ends as soon as everything is closed", async () => {
    const { shutdown, closed, exitCode } = makeStopping();
    shutdown.stop();
    await pass(5_000);
    closed.resolve(undefined);
    await pass(0);
    expect(exitCode()).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it("[T3] skips the lame-duck time when it is told again", async () => {
    const { shutdown, isClosing } = makeStopping();
    shutdown.stop();
    await pass(10);
    shutdown.stop();
    await pass(0);
    expect(isClosing()).toBe(true);
  });

  it("waits neither for a load balancer nor long for callers when it failed", async () => {
    const { shutdown, isClosing, exitCode } = makeStopping();
    shutdown.fail(new Error("broken"));
    await pass(0);
    expect(isClosing()).toBe(true);
    await pass(5_499);
    expect(exitCode()).toBeUndefined();
    await pass(1);
    expect(exitCode()).toBe(1);
  });
});
