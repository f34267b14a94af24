import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Reason } from "../../src/core/errors.ts";
import { makeAdmission } from "../../src/entrance/admission.ts";
import { makeRefusalPacing, PACING_LIMITS } from "../../src/entrance/refusal-pacing.ts";
import { makeRig } from "./public-app.ts";
import { signingCall, startRaw, statuses } from "./raw-socket.ts";

const FULL: Reason = "TOO_MANY_REQUESTS_IN_FLIGHT";

const someResponse = () => new ServerResponse(new IncomingMessage(new Socket()));

describe("refusals that come too often", () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate"] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Pacing by the fake timers' own time, and when each refusal was told, milliseconds. */
  function makePaced() {
    const told: number[] = [];
    const pace = makeRefusalPacing({ monotonic: () => performance.now() });
    const startMs = performance.now();
    const refuse = (reason = FULL, response = someResponse()): ServerResponse => {
      pace(response, reason, () => told.push(performance.now() - startMs));
      return response;
    };
    return { told, refuse };
  }

  it("are told one after the other, the first at once", () => {
    const { told, refuse } = makePaced();
    for (let count = 0; count < 4; count++) refuse();
    expect(told).toEqual([0]);
    jest.advanceTimersByTime(3);
    expect(told).toEqual([0, 2]);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual([0, 2, 4, 6]);
  });

  it("are told 500 times a second to callers who come back at once", () => {
    let told = 0;
    const pace = makeRefusalPacing({ monotonic: () => performance.now() });
    const comeBack = (): void => {
      pace(someResponse(), FULL, () => {
        told++;
        setTimeout(comeBack, 0);
      });
    };
    for (let caller = 0; caller < 200; caller++) comeBack();
    jest.advanceTimersByTime(10_000);
    expect(told).toBeGreaterThan(4_900);
    expect(told).toBeLessThanOrEqual(5_001);
  });

  it("wait for a second at most, however many there are", () => {
    const { told, refuse } = makePaced();
    for (let count = 0; count < 3_000; count++) refuse();
    jest.advanceTimersByTime(PACING_LIMITS.maxWaitMs);
    expect(told).toHaveLength(3_000);
    expect(Math.max(...told)).toBe(PACING_LIMITS.maxWaitMs);
  });

  it("are told at once again when there was a pause", () => {
    const { told, refuse } = makePaced();
    for (let count = 0; count < 3; count++) refuse();
    jest.advanceTimersByTime(6);
    refuse();
    expect(told).toEqual([0, 2, 4, 6]);
  });

  it.each<Reason>(["TOKEN_EXPIRED", "SHUTTING_DOWN", "QUEUE_WAIT_TOO_LONG", "LOG_DISK_FULL", "UNEXPECTED"])(
    "wait for nothing when they are for another reason: %s",
    (reason) => {
      const { told, refuse } = makePaced();
      for (let count = 0; count < 3; count++) refuse();
      refuse(reason);
      expect(told).toEqual([0, 0]);
    },
  );

  it("are forgotten when their callers have gone", () => {
    const { told, refuse } = makePaced();
    refuse();
    const waiting = [refuse(), refuse()];
    for (const response of waiting) response.emit("close");
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual([0]);
  });
});

describe("a refusal that waits for its turn", () => {
  const BODY = "{}";
  const crowded = () =>
    makeRig(undefined, {
      admission: makeAdmission({ maxInFlight: 0, maxQueued: 0, maxQueueMs: 1 }),
      refusalPacing: { intervalMs: 60_000, maxWaitMs: 60_000 },
    });

  it("is on record with its reason when its caller does not wait for it", async () => {
    const rig = crowded();
    const raw = await startRaw(rig);
    expect(statuses(await raw.exchange(signingCall(BODY, "Connection: close\r\n")))).toEqual([503]);
    const client = await raw.open();
    client.write(signingCall(BODY));
    client.socket.end();
    await rig.recorded(2);
    expect(rig.events[1]).toMatchObject({ status: 499, code: "overloaded", reason: FULL });
    await raw.server.close({ drainMs: 0 });
  });

  it("holds up nobody who is refused for another reason, or not at all", async () => {
    const rig = crowded();
    const raw = await startRaw(rig);
    const waiting = await Promise.all([raw.open(), raw.open()]);
    for (const client of waiting) client.write(signingCall(BODY));
    const get = (path: string) => raw.exchange(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(statuses(await get("/nowhere"))).toEqual([404]);
    expect(statuses(await get("/api/v2/trustBundle"))).toEqual([200]);
    await raw.server.close({ drainMs: 0 });
  });

  it("is refused for being too many, whatever its body is: nobody has looked at it", async () => {
    const rig = crowded();
    const raw = await startRaw(rig);
    const answer = await raw.exchange(signingCall("not JSON", "Connection: close\r\n"));
    expect(statuses(answer)).toEqual([503]);
    expect(answer).toMatch(/\r\nRetry-After: [1-5]\r\n/u);
    await raw.server.close({ drainMs: 0 });
  });
});
