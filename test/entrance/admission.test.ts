import { describe, expect, it } from "@jest/globals";
import { ADMISSION_LIMITS, makeAdmission } from "../../src/entrance/admission.ts";

const never = () => new Promise<never>(() => undefined);

describe("admission", () => {
  it("refuses what exceeds its places, and gives a place back when work ends or fails", async () => {
    const admission = makeAdmission({ maxInFlight: 2, maxQueued: 0, maxQueueMs: 1_000 });
    const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const results = [admission.admit(() => first.promise), admission.admit(() => second.promise)];
    await expect(admission.admit(never)).rejects.toMatchObject({
      code: "overloaded",
      reason: "TOO_MANY_REQUESTS_IN_FLIGHT",
    });
    first.resolve("done");
    second.reject(new Error("failed"));
    await expect(results[0]).resolves.toBe("done");
    await expect(results[1]).rejects.toThrow("failed");
    expect(admission.inFlight).toBe(0);
    await expect(admission.admit(() => Promise.resolve("again"))).resolves.toBe("again");
  });

  it("gives a place back when work throws before it returns a promise", async () => {
    const admission = makeAdmission({ ...ADMISSION_LIMITS, maxInFlight: 1 });
    const broken = admission.admit(() => {
      throw new TypeError("broken");
    });
    await expect(broken).rejects.toThrow("broken");
    expect(admission.inFlight).toBe(0);
  });

  it("lets 64 in, 256 wait and nobody else, and counts the waiting ones apart", async () => {
    const admission = makeAdmission();
    const gate = Promise.withResolvers<undefined>();
    const admitted = Array.from({ length: 64 + 256 }, () => admission.admit(() => gate.promise));
    expect([admission.inFlight, admission.queued]).toEqual([64, 256]);
    await expect(admission.admit(never)).rejects.toMatchObject({ reason: "TOO_MANY_REQUESTS_IN_FLIGHT" });
    gate.resolve(undefined);
    await Promise.all(admitted);
    expect([admission.inFlight, admission.queued]).toEqual([0, 0]);
  });

  it("serves its queue first come, first served, also before whoever comes as a place gets free", async () => {
    const admission = makeAdmission({ ...ADMISSION_LIMITS, maxInFlight: 1 });
    const order: string[] = [];
    const first = Promise.withResolvers<undefined>();
    const enter = (name: string): Promise<void> =>
      admission.admit(() => {
        order.push(name);
        return Promise.resolve();
      });
    const all = [admission.admit(() => first.promise), enter("second"), enter("third")];
    first.resolve(undefined);
    await all[0];
    all.push(enter("late"));
    await Promise.all(all);
    expect(order).toEqual(["second", "third", "late"]);
  });

  it("refuses who waited in vain, and keeps the place in order", async () => {
    const admission = makeAdmission({ maxInFlight: 1, maxQueued: 2, maxQueueMs: 1 });
    const first = Promise.withResolvers<undefined>();
    const work = admission.admit(() => first.promise);
    const error: unknown = await admission.admit(never).catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ code: "overloaded", reason: "QUEUE_WAIT_TOO_LONG" });
    expect([admission.inFlight, admission.queued]).toEqual([1, 0]);
    first.resolve(undefined);
    await work;
    expect(admission.inFlight).toBe(0);
  });

  it("forgets at once who gives up in the queue, and lets another one wait instead", async () => {
    const admission = makeAdmission({ maxInFlight: 1, maxQueued: 1, maxQueueMs: 60_000 });
    const first = Promise.withResolvers<undefined>();
    const work = admission.admit(() => first.promise);
    const caller = new AbortController();
    const gaveUp = admission.admit(never, caller.signal);
    const gone = new Error("gone");
    caller.abort(gone);
    expect([admission.inFlight, admission.queued]).toEqual([1, 0]);
    const other = admission.admit(() => Promise.resolve("served"));
    first.resolve(undefined);
    await work;
    await expect(gaveUp).rejects.toBe(gone);
    await expect(other).resolves.toBe("served");
    await admission.idle();
    expect([admission.inFlight, admission.queued]).toEqual([0, 0]);
  });

  it("lets nobody wait who has given up before, and does not end what was begun", async () => {
    const admission = makeAdmission({ maxInFlight: 1, maxQueued: 1, maxQueueMs: 60_000 });
    const caller = new AbortController();
    const first = Promise.withResolvers<string>();
    const work = admission.admit(() => first.promise, caller.signal);
    caller.abort(new Error("gone"));
    await expect(admission.admit(never, caller.signal)).rejects.toThrow("gone");
    expect([admission.inFlight, admission.queued]).toEqual([1, 0]);
    first.resolve("done");
    await expect(work).resolves.toBe("done");
  });

  it("still serves what was queued when it is closed, and is idle only then", async () => {
    const admission = makeAdmission({ ...ADMISSION_LIMITS, maxInFlight: 1 });
    const [first, second] = [Promise.withResolvers<undefined>(), Promise.withResolvers<string>()];
    const work = [admission.admit(() => first.promise), admission.admit(() => second.promise)];
    admission.close();
    await expect(admission.admit(never)).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    let isIdle = false;
    const idle = admission.idle().then(() => {
      isIdle = true;
    });
    first.resolve(undefined);
    await work[0];
    expect(isIdle).toBe(false);
    second.resolve("served");
    await expect(work[1]).resolves.toBe("served");
    await idle;
    expect(isIdle).toBe(true);
  });

  it("refuses everything once it is closed", async () => {
    const admission = makeAdmission();
    admission.close();
    expect(admission.isClosed).toBe(true);
    await expect(admission.admit(never)).rejects.toMatchObject({ code: "overloaded", reason: "SHUTTING_DOWN" });
  });

  it("is idle at once when nothing runs, and else when the last work ends", async () => {
    const admission = makeAdmission();
    await admission.idle();
    const work = Promise.withResolvers<undefined>();
    const done = admission.admit(() => work.promise);
    admission.close();
    let isIdle = false;
    const idle = Promise.all([admission.idle(), admission.idle()]).then(() => {
      isIdle = true;
    });
    await new Promise(setImmediate);
    expect(isIdle).toBe(false);
    work.resolve(undefined);
    await done;
    await idle;
    expect(isIdle).toBe(true);
  });
});
