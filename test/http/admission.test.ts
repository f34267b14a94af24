import { describe, expect, it } from "@jest/globals";
import { makeAdmission } from "../../src/http/admission.ts";

const never = () => new Promise<never>(() => undefined);

describe("admission", () => {
  it("refuses what exceeds its places, and gives a place back when work ends or fails", async () => {
    const admission = makeAdmission(2);
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
    const admission = makeAdmission(1);
    const broken = admission.admit(() => {
      throw new TypeError("broken");
    });
    await expect(broken).rejects.toThrow("broken");
    expect(admission.inFlight).toBe(0);
  });

  it("refuses everything once it is closed, with a wait of 1 to 5 seconds", async () => {
    const admission = makeAdmission();
    admission.close();
    expect(admission.isClosed).toBe(true);
    const waits = new Set<number>();
    for (let count = 0; count < 50; count++) {
      const error: unknown = await admission.admit(never).catch((refusal: unknown) => refusal);
      expect(error).toMatchObject({ code: "overloaded", reason: "SHUTTING_DOWN" });
      waits.add((error as { retryAfterMs: number }).retryAfterMs);
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5_000);
    expect(waits.size).toBeGreaterThan(1);
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
