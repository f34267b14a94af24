import { describe, expect, it } from "@jest/globals";
import request from "supertest";
import { ADMISSION_LIMITS, makeAdmission } from "../../src/entrance/admission.ts";
import { bare, ISSUED, makeRig } from "./public-app.ts";

const BODY = {
  credentials: { oidcIdentityToken: "a.b.c" },
  publicKeyRequest: { publicKey: { content: "pem" }, proofOfPossession: "AAAA" },
};
const sign = (rig: ReturnType<typeof makeRig>) => request(bare(rig)).post("/api/v2/signingCert").send(BODY);
const never = () => new Promise<never>(() => undefined);

describe("the deadline of a signing request", () => {
  it("[CL21] is told with 503 while a stage hangs, and the request's signal is aborted so that no other begins", async () => {
    let seen: AbortSignal | undefined;
    const rig = makeRig(
      (_request, signal) => {
        seen = signal;
        return never();
      },
      { deadlineMs: 20 },
    );
    const answer = await sign(rig);
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toMatch(/^[1-5]$/u);
    expect(answer.body).toMatchObject({ code: 14, details: [{ reason: "DEADLINE_EXCEEDED" }] });
    expect(seen?.reason).toMatchObject({ code: "overloaded", reason: "DEADLINE_EXCEEDED" });
    expect(rig.events).toMatchObject([{ status: 503, code: "overloaded", reason: "DEADLINE_EXCEEDED" }]);
    // What hangs keeps its place: it is still at work.
    expect(rig.admission.inFlight).toBe(1);
  });

  it("counts the wait for a place", async () => {
    const admission = makeAdmission({ ...ADMISSION_LIMITS, maxInFlight: 1 });
    void admission.admit(never);
    const rig = makeRig(undefined, { admission, deadlineMs: 20 });
    expect((await sign(rig)).body).toMatchObject({ details: [{ reason: "DEADLINE_EXCEEDED" }] });
    expect(rig.requests).toEqual([]);
  });

  it("is nothing to a request that is answered, also when what it left behind fails", async () => {
    const rig = makeRig(() => Promise.resolve(ISSUED), { deadlineMs: 10_000 });
    expect((await sign(rig)).status).toBe(200);
    expect(rig.admission.inFlight).toBe(0);
  });
});
