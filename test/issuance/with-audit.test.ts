import { describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { compileClaimRules } from "../../src/core/identity/claim-rules.ts";
import type { ClaimRulesInput } from "../../src/core/identity/claim-rules.ts";
import { makeAuditedIssuance } from "../../src/issuance/with-audit.ts";
import type { AuditDeps } from "../../src/issuance/with-audit.ts";
import type { IssuanceDeps } from "../../src/issuance/issue-certificate.ts";
import type { AuditOutcome, AuditRecord } from "../../src/ports/audit-trail.ts";
import type { RateLimit } from "../../src/ports/limits.ts";
import type { SigningTurn } from "../../src/ports/signer.ts";
import { reasonOf } from "../support/caller-keys.ts";
import {
  EMAIL,
  EMAIL_TOKEN,
  goodRequest,
  makeIssuanceDeps,
  NOW_MS,
  OPEN_LOG,
  PATIENT,
  someSct,
} from "../support/issuance.ts";
import { serialNumberOf } from "../support/serial-number-of.ts";

/** Lets everything be recorded, or nothing. */
const recording = (on: boolean): RateLimit => ({ take: () => (on ? 0 : 1), waitMs: () => 0 });

const CONFIGURATION = "c0".repeat(32);

/** Audited issuance whose trail and ports write into one list of events. */
async function makeAudited(
  overrides: Partial<IssuanceDeps> = {},
  failOn: readonly AuditRecord["kind"][] = [],
  {
    auditedOutcomes = recording(true),
    refusesWith = "AUDIT_FAILED",
  }: { auditedOutcomes?: RateLimit; refusesWith?: Reason } = {},
) {
  const { deps, events } = await makeIssuanceDeps(overrides);
  const records: AuditRecord[] = [];
  const outcomes: AuditOutcome[] = [];
  const unrecorded: string[] = [];
  const record: AuditDeps = {
    audit: {
      append: (entry) => {
        events.push(entry.kind);
        records.push(entry);
        return failOn.includes(entry.kind)
          ? Promise.reject(new MayflyError(refusesWith, "not written"))
          : Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
    auditedOutcomes,
    telemetry: {
      issuance: (outcome) => outcomes.push(outcome),
      unrecordedOutcome: () => unrecorded.push("outcome"),
    },
    clock: { now: () => NOW_MS, monotonic: () => 0 },
    generation: 3,
    configuration: CONFIGURATION,
  };
  return { issue: makeAuditedIssuance(deps, record), deps, events, records, outcomes, unrecorded };
}

describe("the trace of an issuance", () => {
  it("has the intent before the first signature and the outcome before the answer", async () => {
    const { issue, events } = await makeAudited();
    await issue(goodRequest(), PATIENT);
    expect(events).toEqual(["now", "token", "open", "serial", "intent", "sign", "log", "sign", "outcome"]);
  });

  it("ties intent, outcome and certificate together by the serial number", async () => {
    const { issue, records } = await makeAudited();
    const issued = await issue(goodRequest(), PATIENT);
    const serialNumber = Buffer.from(issued.serialNumber).toString("hex");
    expect(records).toEqual([
      {
        kind: "intent",
        timeMs: NOW_MS,
        serialNumber,
        tbsSha256: expect.stringMatching(/^[0-9a-f]{64}$/u),
        generation: 3,
      },
      {
        kind: "outcome",
        timeMs: NOW_MS,
        result: "issued",
        generation: 3,
        configuration: CONFIGURATION,
        issuer: "https://issuer.example.com",
        audience: "sigstore",
        rule: "any",
        serialNumber,
        logId: Buffer.from(issued.sct.logId).toString("hex"),
        logIndex: 7,
      },
    ]);
  });

  it.each<[string, ClaimRulesInput, string, object]>([
    [
      "allowed",
      { allow: [{ name: "ours", claims: { email: EMAIL } }], deny: [] },
      "",
      { result: "issued", rule: "ours" },
    ],
    [
      "denied",
      { allow: "any", deny: [{ name: "not-them", claims: { email: EMAIL } }] },
      "CLAIM_RULE_DENIED",
      { result: "refused", rule: "not-them", code: "policy_denied" },
    ],
    [
      "not allowed",
      { allow: [{ name: "ours", claims: { email: "x@example.com" } }], deny: [] },
      "CLAIM_RULE_NO_MATCH",
      { result: "refused", code: "policy_denied", issuer: "https://issuer.example.com", audience: "sigstore" },
    ],
  ])("names the rule by which a token was %s, and the pattern of its issuer", async (_how, input, reason, outcome) => {
    const pattern = "https://*.issuers.example.com";
    const issuer = { ...EMAIL_TOKEN.issuer, pattern, rules: compileClaimRules(input) };
    const { issue, records } = await makeAudited({
      verifyIdToken: () => Promise.resolve({ ...EMAIL_TOKEN, issuer }),
    });
    if (reason === "") await issue(goodRequest(), PATIENT);
    else expect(await reasonOf(() => issue(goodRequest(), PATIENT))).toBe(reason);
    expect(records.at(-1)).toMatchObject({ kind: "outcome", pattern, ...outcome });
    expect(JSON.stringify(records.at(-1))).not.toContain(EMAIL);
    if (reason === "CLAIM_RULE_NO_MATCH") expect(records.at(-1)).not.toHaveProperty("rule");
  });

  it("names in its intent the very bytes that are signed", async () => {
    const signed: Uint8Array[] = [];
    const { deps } = await makeIssuanceDeps();
    const signer = {
      ...deps.signer,
      sign: (tbs: Uint8Array) => {
        signed.push(tbs);
        return deps.signer.sign(tbs);
      },
    };
    const { issue, records } = await makeAudited({ signer, issuer: deps.issuer });
    await issue(goodRequest(), PATIENT);
    expect(records[0]).toMatchObject({ tbsSha256: createHash("sha256").update(signed[0]!).digest("hex") });
  });

  it("asks for the second signature as one that finishes what is begun", async () => {
    const turns: unknown[] = [];
    const { deps } = await makeIssuanceDeps();
    const signer = {
      ...deps.signer,
      sign: (tbs: Uint8Array, turn?: SigningTurn) => {
        turns.push(turn);
        return deps.signer.sign(tbs);
      },
    };
    const { issue } = await makeAudited({ signer, issuer: deps.issuer });
    await issue(goodRequest(), PATIENT);
    expect(turns).toEqual([undefined, "finishing"]);
  });

  it("signs nothing when the intent cannot be written", async () => {
    const { issue, events } = await makeAudited({}, ["intent"]);
    expect(await reasonOf(() => issue(goodRequest(), PATIENT))).toBe("AUDIT_FAILED");
    expect(events).not.toContain("sign");
    expect(events).not.toContain("log");
  });

  it("delivers nothing when the outcome cannot be written", async () => {
    const { issue } = await makeAudited({}, ["outcome"]);
    expect(await reasonOf(() => issue(goodRequest(), PATIENT))).toBe("AUDIT_FAILED");
  });

  it("signs nothing while the trail's queue is full, counts the outcome, and says 503", async () => {
    const { issue, events, records, outcomes, unrecorded } = await makeAudited({}, ["intent", "outcome"], {
      refusesWith: "AUDIT_QUEUE_FULL",
    });
    expect(await reasonOf(() => issue(goodRequest(), PATIENT))).toBe("AUDIT_QUEUE_FULL");
    expect(events).toEqual(["now", "token", "open", "serial", "intent", "outcome"]);
    // A number in the line would make the trail owe it.
    expect(records[1]).toMatchObject({ result: "failed", reason: "AUDIT_QUEUE_FULL" });
    expect(records[1]).not.toHaveProperty("serialNumber");
    expect(unrecorded).toEqual(["outcome"]);
    expect(outcomes).toMatchObject([{ result: "failed", code: "overloaded", reason: "AUDIT_QUEUE_FULL" }]);
  });

  it("refuses as it would have while the trail's queue is full, and counts it", async () => {
    const refusal = () => Promise.reject(new MayflyError("WRONG_AUDIENCE", "aud is another"));
    const { issue, unrecorded } = await makeAudited({ verifyIdToken: refusal }, ["outcome"], {
      refusesWith: "AUDIT_QUEUE_FULL",
    });
    expect(await reasonOf(() => issue(goodRequest(), PATIENT))).toBe("WRONG_AUDIENCE");
    expect(unrecorded).toEqual(["outcome"]);
  });

  it("records a refusal with its code and reason, and without a serial number when none was drawn", async () => {
    const refusal = () => Promise.reject(new MayflyError("WRONG_AUDIENCE", "aud is another"));
    const { issue, records, outcomes } = await makeAudited({ verifyIdToken: refusal });
    expect(await reasonOf(() => issue(goodRequest(), PATIENT))).toBe("WRONG_AUDIENCE");
    expect(records).toEqual([
      {
        kind: "outcome",
        timeMs: NOW_MS,
        result: "refused",
        generation: 3,
        configuration: CONFIGURATION,
        code: "invalid_token",
        reason: "WRONG_AUDIENCE",
        detail: "aud is another",
      },
    ]);
    expect(outcomes).toEqual(records);
  });

  it.each([
    ["a refusal", "refused", "TOKEN_EXPIRED"],
    ["a failure", "failed", "JWKS_FAILED"],
  ] as const)(
    "leaves %s without a serial number out, and counts it, when too many came",
    async (_what, result, why) => {
      const end = () => Promise.reject(new MayflyError(why, "made by a test"));
      const { issue, records, outcomes, unrecorded } = await makeAudited({ verifyIdToken: end }, [], {
        auditedOutcomes: recording(false),
      });
      expect(await reasonOf(() => issue(goodRequest(), PATIENT))).toBe(why);
      expect(records).toEqual([]);
      expect(unrecorded).toHaveLength(1);
      expect(outcomes).toMatchObject([{ result, reason: why }]);
    },
  );

  it("leaves out nothing that has a serial number, however many came", async () => {
    const off = { auditedOutcomes: recording(false) };
    const issued = await makeAudited({}, [], off);
    await issued.issue(goodRequest(), PATIENT);
    expect(issued.records.map(({ kind }) => kind)).toEqual(["intent", "outcome"]);

    for (const reason of ["LOG_TIMEOUT", "SAN_NOT_PERMITTED"] as const) {
      const late = await makeAudited(
        { log: { ...OPEN_LOG, add: () => Promise.reject(new MayflyError(reason, "made by a test")) } },
        [],
        off,
      );
      expect(await reasonOf(() => late.issue(goodRequest(), PATIENT))).toBe(reason);
      expect(late.records.map(({ kind }) => kind)).toEqual(["intent", "outcome"]);
      expect(late.unrecorded).toEqual([]);
    }
    expect(issued.unrecorded).toEqual([]);
  });

  it("records a failure after the precertificate with its serial number and every cause", async () => {
    const cause = new Error("fsync: input/output error");
    const { issue, records } = await makeAudited({
      log: {
        ...OPEN_LOG,
        add: () => Promise.reject(new MayflyError("LOG_WRITE_FAILED", "batch not written", { cause })),
      },
    });
    await reasonOf(() => issue(goodRequest(), PATIENT));
    expect(records[1]).toMatchObject({
      result: "failed",
      code: "log_failed",
      serialNumber: expect.stringMatching(/^[0-9a-f]{40}$/u),
      detail: "batch not written: fsync: input/output error",
    });
  });

  it("records an error that nobody foresaw as internal, and passes it on", async () => {
    const { issue, records } = await makeAudited({
      log: {
        ...OPEN_LOG,
        add: () => {
          throw new TypeError("a bug");
        },
      },
    });
    await expect(issue(goodRequest(), PATIENT)).rejects.toThrow(TypeError);
    expect(records[1]).toMatchObject({ result: "failed", code: "internal", reason: "UNEXPECTED" });
  });

  it("keeps one request's trace apart from another's", async () => {
    const { issue, records } = await makeAudited({ log: { ...OPEN_LOG, add: () => Promise.resolve(someSct(NOW_MS)) } });
    await Promise.all(Array.from({ length: 10 }, () => issue(goodRequest(), PATIENT)));
    const serials = (kind: AuditRecord["kind"]) => records.filter((entry) => entry.kind === kind).map(serialNumberOf);
    expect(new Set(serials("intent")).size).toBe(10);
    expect(serials("outcome").sort()).toEqual(serials("intent").sort());
  });

  it("holds neither token nor proof nor key", async () => {
    const { issue, records } = await makeAudited();
    const request = goodRequest();
    await issue(request, PATIENT);
    if (request.key.kind !== "public-key") throw new TypeError("made otherwise");
    const text = JSON.stringify(records);
    for (const secret of ["secret-payload", Buffer.from(request.key.proof).toString("base64"), "BEGIN PUBLIC KEY"]) {
      expect(text).not.toContain(secret);
    }
  });
});
