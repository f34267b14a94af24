import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { execFileSync } from "node:child_process";
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { openRemoteSigner } from "../../../src/adapters/signers/remote/remote-signer.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import type { Signer } from "../../../src/ports/signer.ts";
import { makeFakeRemoteKey } from "../../fakes/fake-remote-key.ts";
import type { FakeRemoteKey } from "../../fakes/fake-remote-key.ts";
import { openDoor } from "../../support/door.ts";
import type { DoorOptions } from "../../support/door.ts";
import { expectNoSecret, expectRefusal, expectTold } from "../../support/expect-refusal.ts";
import { answersOf, heldAt, makeGate } from "../../support/held-calls.ts";
import type { Gate } from "../../support/held-calls.ts";
import { certificateIn, chainIn } from "../../support/issued.ts";
import { keyRequest } from "../../support/signing-body.ts";
import { openWholeApp } from "../../support/whole-app.ts";
import type { Answer } from "../../support/ask.ts";
import type { WholeApp, WholeAppOptions } from "../../support/whole-app.ts";
import { serialNumberOf } from "../../support/serial-number-of.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let app: WholeApp | undefined;
afterEach(async () => {
  jest.restoreAllMocks();
  await app?.close();
  app = undefined;
});
const open = async (options: WholeAppOptions = {}): Promise<WholeApp> => {
  app = await openWholeApp(options);
  return app;
};

/** Sends a call that fails on our side after something was signed, and checks that no certificate leaves. */
async function expectFailure(whole: WholeApp, reason: Parameters<typeof expectTold>[1]): Promise<Answer> {
  const token = await whole.token();
  const answer = await whole.send(keyRequest(), token);
  expectTold(answer, reason);
  expect(answer.text).not.toContain("CERTIFICATE");
  expectNoSecret(whole, answer, token.split("."));
  expect(whole.audit.records.at(-1)).toMatchObject({ kind: "outcome", result: "failed", reason });
  return answer;
}

describe("a signer that signs wrongly", () => {
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  type Fault = (signature: Uint8Array, key: FakeRemoteKey) => Uint8Array;
  const FAULTS: readonly (readonly [string, Fault])[] = [
    ["by another key", () => sign("sha256", Buffer.from("message"), other)],
    ["over other bytes", (_signature, { privateKey }) => sign("sha256", Buffer.from("message"), privateKey)],
    ["truncated", (signature) => signature.subarray(0, -1)],
    ["random", (signature) => randomBytes(signature.length)],
    ["empty", () => new Uint8Array(0)],
    ["as r‖s where DER must be", () => randomBytes(64)],
    ["with a bit changed", (signature) => signature.with(40, (signature[40] ?? 0) ^ 1)],
  ];
  const limits = { attemptMs: 2_000, attempts: 3, deadlineMs: 2_500, inFlight: 32 };
  /** A remote signer whose `from`-th signature and all later ones are faulty; the first proves it when it is opened. */
  const faulty = (fault: Fault, from: number) => (): Promise<Signer> => {
    const key = makeFakeRemoteKey();
    key.always = (signature) => (key.counts.sign < from ? signature : fault(signature, key));
    return openRemoteSigner(key, { limits, clock: systemClock, random: () => 0 });
  };

  it.each(FAULTS)("[N6] a precertificate %s is discarded before it reaches the log", async (_name, fault) => {
    const whole = await open({ wrapCaSigner: faulty(fault, 2) });
    await expectFailure(whole, "SIGNATURE_INVALID");
    expect(await whole.treeSize()).toBe(0);
  });

  it.each(FAULTS)("[N6] a certificate %s is discarded before it reaches its caller", async (_name, fault) => {
    const whole = await open({ wrapCaSigner: faulty(fault, 3) });
    await expectFailure(whole, "SIGNATURE_INVALID");
    expect(await whole.treeSize()).toBe(1);
  });
});

describe("a CA whose time is not now", () => {
  const YEARS_MS = 3 * 365 * DAY_MS;
  const caMadeMs = 1_800_000_000_000;
  it.each<[string, WholeAppOptions, number, string]>([
    ["has expired", {}, YEARS_MS, "60"],
    ["would end before a leaf does", { caMadeMs }, YEARS_MS - 599 * SECOND_MS, "60"],
    ["is not valid yet", { caMadeMs, startMs: caMadeMs - SECOND_MS }, 0, "60"],
    ["is not valid for an hour", { caMadeMs, startMs: caMadeMs - HOUR_MS }, 0, "3600"],
  ])("[N9] issues nothing when it %s, and says when to ask again", async (_name, options, afterMs, seconds) => {
    const whole = await open(options);
    whole.clock.advance(afterMs);
    const answer = await expectRefusal(whole, { body: keyRequest(), reason: "CA_EXPIRED" });
    expect(answer.headers["retry-after"]).toBe(seconds);
  });

  it("[N9] issues the last leaf that fits, and a second later none", async () => {
    const whole = await open({ caMadeMs, startMs: caMadeMs + YEARS_MS - 600 * SECOND_MS });
    const [leaf, ca] = chainIn(await whole.send(keyRequest()));
    expect(leaf!.validToDate.getTime()).toBe(ca!.validToDate.getTime());
    whole.clock.advance(SECOND_MS);
    await expectRefusal(whole, { body: keyRequest(), reason: "CA_EXPIRED" });
  });
});

describe("a signer that is slow or fails", () => {
  /** A remote signer that has all the time there is for its nth signature. */
  const hangingAt =
    (nth: number, gate: Gate) =>
    (signer: Signer): Signer => {
      let count = 0;
      return {
        ...signer,
        location: "remote",
        sign: (message) => (++count === nth ? heldAt(gate, () => signer.sign(message))() : signer.sign(message)),
      };
    };

  it.each([
    ["precertificate", 1, 0],
    ["certificate", 2, 1],
  ])("[N1] and hangs over a %s is given up, and its late answer is dropped", async (_name, nth, entries) => {
    const gate = makeGate();
    const whole = await open({ stageSeconds: 0.1, wrapCaSigner: hangingAt(nth, gate) });
    await expectFailure(whole, "SIGNER_TIMEOUT");
    const records = whole.audit.records.length;
    gate.open();
    expect((await whole.send(keyRequest())).status).toBe(200);
    // What came of the late signature: nothing, beside the intent and the outcome of the call after it.
    expect(whole.audit.records).toHaveLength(records + 2);
    expect(await whole.treeSize()).toBe(entries + 1);
  });

  it("[T2] and hangs while the service is told to stop: the caller gets its answer, and the service ends", async () => {
    const reached = Promise.withResolvers<undefined>();
    const whole = await open({
      stageSeconds: 0.1,
      wrapCaSigner: (signer) => ({
        ...signer,
        location: "remote",
        sign: () => {
          reached.resolve(undefined);
          return new Promise(() => undefined);
        },
      }),
    });
    const call = whole.send(keyRequest());
    await reached.promise;
    app = undefined;
    await Promise.all([whole.close(60_000), call]);
    expectTold(await call, "SIGNER_TIMEOUT");
  });

  it("[N11] holds no more requests than there are places, and finishes those", async () => {
    const gate = makeGate();
    const whole = await open({
      maxInFlight: 3,
      wrapCaSigner: (signer) => ({ ...signer, sign: heldAt(gate, (message) => signer.sign(message)) }),
    });
    const token = await whole.token();
    const calls = Array.from({ length: 12 }, () => whole.send(keyRequest(), token));
    const answers = await answersOf(calls, { held: 3, whenTheyAre: gate.open });
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expectTold(answer, "TOO_MANY_REQUESTS_IN_FLIGHT");
    }
    expect(await whole.treeSize()).toBe(3);
  });

  it("[N12] at the final signature leaves the entry logged, delivers nothing, and the next attempt is another one", async () => {
    let fails = true;
    const whole = await open({
      wrapCaSigner: (signer) => {
        let count = 0;
        return {
          ...signer,
          sign: (message) =>
            ++count === 2 && fails
              ? Promise.reject(new MayflyError("SIGNER_REFUSED", "no signature"))
              : signer.sign(message),
        };
      },
    });
    const [token, body] = [await whole.token(), keyRequest()];
    expectTold(await whole.send(body, token), "SIGNER_REFUSED");
    expect(await whole.treeSize()).toBe(1);
    expect(whole.telemetry.issuances.map(({ outcome }) => outcome)).toMatchObject([
      { result: "failed", reason: "SIGNER_REFUSED", serialNumber: serialNumberOf(whole.audit.records[0]!) },
    ]);
    fails = false;
    const answer = await whole.send(body, token);
    expect(answer.status).toBe(200);
    expect(await whole.treeSize()).toBe(2);
    const serials = whole.audit.records.filter(({ kind }) => kind === "intent").map(serialNumberOf);
    expect(new Set(serials).size).toBe(2);
    expect(BigInt(`0x${certificateIn(answer).serialNumber}`)).toBe(BigInt(`0x${String(serials[1])}`));
  });

  it("[T4] cut between log entry and final signature, by a shutdown, leaves the entry logged and delivers nothing", async () => {
    const gate = makeGate();
    const signing = Promise.withResolvers<undefined>();
    let atTheEnd = { entries: 0, published: 0 };
    const whole = await open({
      wrapCaSigner: (signer) => {
        let count = 0;
        return {
          ...signer,
          sign: (message) => {
            if (++count === 1) return signer.sign(message);
            signing.resolve(undefined);
            return heldAt(gate, () => signer.sign(message))();
          },
        };
      },
      wrapStore: (store) => ({
        ...bound(store),
        close: async () => {
          atTheEnd = { entries: (await store.head()).size, published: (await store.published())?.size ?? 0 };
          await store.close();
        },
      }),
    });
    const call = whole.send(keyRequest()).then(
      (answer) => answer.text,
      () => "cut",
    );
    await signing.promise;
    app = undefined;
    // The signature outlasts all the time that requests at work are given.
    await whole.close(1);
    expect(await call).toBe("cut");
    expect(atTheEnd).toEqual({ entries: 1, published: 1 });
    gate.open();
  });
});

describe("a log that fails", () => {
  it("[P10] in a commit that was stored all the same signs nothing over it, and ends", async () => {
    const whole = await open({
      wrapStore: (store) => ({
        ...bound(store),
        append: async (build) => {
          await store.append(build);
          throw new MayflyError("LOG_OUTCOME_UNKNOWN", "the reply was lost");
        },
      }),
    });
    await expectFailure(whole, "LOG_OUTCOME_UNKNOWN");
    expect(whole.fatal.map(({ reason }) => reason)).toEqual(["LOG_OUTCOME_UNKNOWN"]);
    expect(await checkpointSize(whole)).toBe(0);
    expectTold(await whole.send(keyRequest()), "LOG_CLOSED");
  });

  it("[P13] with a full queue refuses what is beyond it, and answers the rest", async () => {
    const gate = makeGate();
    const begun = Promise.withResolvers<undefined>();
    const whole = await open({
      maxPending: 2,
      wrapStore: (store) => ({
        ...bound(store),
        append: async (build) => {
          begun.resolve(undefined);
          await gate.pass();
          return store.append(build);
        },
      }),
    });
    const token = await whole.token();
    const first = whole.send(keyRequest(), token);
    await begun.promise;
    const calls = Array.from({ length: 5 }, () => whole.send(keyRequest(), token));
    const answers = await answersOf([first, ...calls], { held: 3, whenTheyAre: gate.open });
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expectTold(answer, "LOG_QUEUE_FULL");
      expect(answer.headers["retry-after"]).toMatch(/^[1-5]$/u);
    }
    expect(await whole.treeSize()).toBe(3);
  });

  it("[P18] to publish what it committed gives no SCT for it, keeps the entry, and goes on", async () => {
    let fails = true;
    const whole = await open({
      wrapStore: (store) => ({
        ...bound(store),
        publish: (checkpoint) =>
          fails && checkpoint.size > 0
            ? Promise.reject(new MayflyError("LOG_WRITE_FAILED", "no space"))
            : store.publish(checkpoint),
      }),
    });
    await expectFailure(whole, "LOG_WRITE_FAILED");
    expect(await whole.treeSize()).toBe(1);
    expect(await checkpointSize(whole)).toBe(0);
    fails = false;
    expect((await whole.send(keyRequest())).status).toBe(200);
    expect(await checkpointSize(whole)).toBe(2);
  });

  it.each(["", "?x=1"])("[P16] is written to by nobody outside%s", async (query) => {
    const whole = await open();
    for (const path of ["add-chain", "add-pre-chain", "ct/v1/add-chain", "ct/v1/add-pre-chain", "entries"]) {
      const response = await globalThis.fetch(`${whole.url}/whole/${path}${query}`, { method: "POST", body: "{}" });
      expect([path, response.status]).toEqual([path, 404]);
    }
    for (const path of ["checkpoint", "tile/0/000", `issuer/${"0".repeat(64)}`]) {
      for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
        const response = await globalThis.fetch(`${whole.url}/whole/${path}${query}`, { method });
        expect([path, method, response.status]).toEqual([path, method, 501]);
      }
    }
    expect(await whole.treeSize()).toBe(0);
  });

  it("[P15] is read up to its published size only", async () => {
    const whole = await open();
    for (let n = 0; n < 3; n++) await whole.send(keyRequest());
    expect((await whole.get("/whole/tile/0/000.p/3")).status).toBe(200);
    expect((await whole.get("/whole/tile/data/000.p/3")).status).toBe(200);
    const missing = [
      ...["tile/0/000", "tile/0/000.p/4", "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/0", "tile/0/001"],
      ...["tile/data/000", "tile/data/001.p/1", "tile/data/x999/x999/x999/x999/x999/999", "tile/1/000.p/1"],
      ...["tile/0/x9007199254740993/000", "tile/64/000", "tile/0/000.p/00003", `issuer/${"f".repeat(64)}`],
      ...["tile/0/%2e%2e/000", "tile/..%2f..%2fetc/passwd", "tile/0/000%00"],
    ];
    for (const path of missing) {
      const answer = await whole.get(`/whole/${path}`);
      expect([path, answer.status, answer.body]).toMatchObject([path, 404, { code: 5 }]);
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.text).not.toContain("/etc");
    }
  });
});

describe("an audit trail that cannot be written", () => {
  it("[S6] and blocks holds no more requests than there are places, and no certificate is delivered", async () => {
    const gate = makeGate();
    const whole = await open({
      maxInFlight: 3,
      wrapAudit: (audit) => ({ ...audit, append: heldAt(gate, (record) => audit.append(record)) }),
    });
    const token = await whole.token();
    const calls = Array.from({ length: 10 }, () => whole.send(keyRequest(), token));
    const answers = await answersOf(calls, {
      held: 3,
      whenTheyAre: async () => {
        const used = { signatures: whole.caSignatures(), entries: await whole.treeSize() };
        gate.open();
        expect(used).toEqual({ signatures: 0, entries: 0 });
      },
    });
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(7);
  });

  it.each([
    ["intent", 0, 0],
    ["outcome", 2, 1],
  ] as const)("[S6] and fails at the %s delivers nothing", async (kind, signatures, entries) => {
    const whole = await open({
      wrapAudit: (audit) => ({
        ...audit,
        append: (record) =>
          record.kind === kind ? Promise.reject(new MayflyError("AUDIT_FAILED", "no space")) : audit.append(record),
      }),
    });
    const answer = await whole.send(keyRequest());
    expectTold(answer, "AUDIT_FAILED");
    expect(answer.text).not.toContain("CERTIFICATE");
    expect({ signatures: whole.caSignatures(), entries: await whole.treeSize() }).toEqual({ signatures, entries });
  });
});

describe("a clock", () => {
  /** Checks that a call is refused for the clock, with the time until it would not be, give or take a millisecond. */
  async function expectClockFailure(whole: WholeApp, againInMs: number): Promise<void> {
    const { headers } = await expectFailure(whole, "LOG_CLOCK");
    const seconds = Number(headers["retry-after"]);
    expect([againInMs / SECOND_MS, againInMs / SECOND_MS + 1]).toContain(seconds);
  }

  it.each([
    ["forward", HOUR_MS],
    ["back", -HOUR_MS],
  ])("[Q1] that jumps %s by an hour stops issuance until it ran steadily for 30 s", async (_name, jumpMs) => {
    const whole = await open();
    expect((await whole.send(keyRequest())).status).toBe(200);
    whole.clock.step(jumpMs);
    // Set back, it also has to catch up with what was signed, but for the 5 s that a clock may be off.
    const againInMs = jumpMs > 0 ? 30 * SECOND_MS : HOUR_MS - 5 * SECOND_MS;
    await expectClockFailure(whole, againInMs);
    expect(whole.logRefusal()?.reason).toBe("LOG_CLOCK");
    expect(await whole.treeSize()).toBe(1);
    whole.clock.advance(29 * SECOND_MS);
    await expectClockFailure(whole, againInMs - 29 * SECOND_MS);
    whole.clock.advance(2 * SECOND_MS);
    if (jumpMs > 0) {
      expect((await whole.send(keyRequest())).status).toBe(200);
      expect(whole.logRefusal()).toBeUndefined();
      return;
    }
    // Times in a log only grow: an hour back, it waits until the clock has caught up with what it signed.
    await expectClockFailure(whole, againInMs - 31 * SECOND_MS);
    whole.clock.advance(againInMs - 30 * SECOND_MS);
    expect((await whole.send(keyRequest())).status).toBe(200);
  });

  it("[Q3] is read in UTC, whatever the time zone, also in the hour that daylight saving skips", () => {
    const program = `
      import { keyRequest } from "./test/support/signing-body.ts";
      import { openWholeApp } from "./test/support/whole-app.ts";
      import { certificateIn } from "./test/support/issued.ts";
      const app = await openWholeApp({ startMs: Number(process.argv[1]) });
      const { validFrom, validTo } = certificateIn(await app.send(keyRequest()));
      console.log(validFrom, "/", validTo);
      await app.close();
    `;
    // 2027-03-14T09:59:30Z is half a minute before clocks in Los Angeles leap from 2 to 3; 2026-12-31T23:59:30Z could
    // have been followed by a leap second.
    const inZone = (zone: string, startMs: number): string =>
      execFileSync(process.execPath, ["--input-type=module", "--eval", program, "--", String(startMs)], {
        env: { ...process.env, NODE_OPTIONS: "", TZ: zone },
        encoding: "utf8",
      }).trim();
    expect(inZone("America/Los_Angeles", Date.UTC(2027, 2, 14, 9, 59, 30))).toBe(
      "Mar 14 09:59:30 2027 GMT / Mar 14 10:09:30 2027 GMT",
    );
    expect(inZone("Pacific/Kiritimati", Date.UTC(2026, 11, 31, 23, 59, 30))).toBe(
      "Dec 31 23:59:30 2026 GMT / Jan  1 00:09:30 2027 GMT",
    );
  });

  it("[Q4] is read once for a validity of exactly 600 s, however much time passes meanwhile", async () => {
    const whole = await open();
    const { clock } = whole;
    const now = clock.now.bind(clock);
    clock.now = () => {
      clock.advance(700);
      return now();
    };
    const certificate = certificateIn(await whole.send(keyRequest(), await whole.token()));
    expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(600 * SECOND_MS);
  });

  it.each([
    ["2049-12-31T23:49:59Z", "170d3439313233313233343935395a", "170d3439313233313233353935395a"],
    ["2049-12-31T23:50:00Z", "170d3439313233313233353030305a", "180f32303530303130313030303030305a"],
    ["2050-01-01T00:00:00Z", "180f32303530303130313030303030305a", "180f32303530303130313030313030305a"],
  ])("[Q5] at %s is written as RFC 5280 §4.1.2.5 says, with seconds and Z", async (start, notBefore, notAfter) => {
    const whole = await open({ startMs: Date.parse(start) });
    const certificate = certificateIn(await whole.send(keyRequest()));
    expect(certificate.raw.toString("hex")).toContain(notBefore + notAfter);
  });

  it("[Q6] that runs an hour at each look, as the machine's wall clock, ends no wait early", async () => {
    const whole = await open();
    const { discovery } = whole.issuer;
    const gate = makeGate();
    const reached = Promise.withResolvers<undefined>();
    whole.issuer.discovery = (request, response) => {
      reached.resolve(undefined);
      void gate.pass().then(() => {
        discovery(request, response);
      });
    };
    const token = await whole.token();
    let wallMs = Date.now();
    jest.spyOn(Date, "now").mockImplementation(() => (wallMs += HOUR_MS));
    const call = whole.send(keyRequest(), token);
    await reached.promise;
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    gate.open();
    expect((await call).status).toBe(200);
  });

  it("[Q6] that stands still, as the machine's wall clock, holds up no deadline", async () => {
    const whole = await open({ verifier: { fetchDeadlineMs: 50 } });
    whole.issuer.discovery = () => undefined;
    const token = await whole.token();
    jest.spyOn(Date, "now").mockReturnValue(Date.now());
    const answer = await whole.send(keyRequest(), token);
    expectTold(answer, "DISCOVERY_FAILED");
  });
});

describe("what is issued", () => {
  const serial = (hex: string): Uint8Array => Buffer.from(hex, "hex");
  const PORTS: readonly (readonly [string, rule: string, NonNullable<DoorOptions["ports"]>])[] = [
    ["a serial number of zero", "serial-range", () => ({ serialNumber: () => new Uint8Array(20) })],
    ["a negative serial number", "serial-range", () => ({ serialNumber: () => serial("80".padEnd(40, "1")) })],
    ["a serial number of 21 octets", "serial-length", () => ({ serialNumber: () => serial("11".repeat(21)) })],
    [
      "a serial number of less than 64 bits",
      "serial-range",
      () => ({ serialNumber: () => serial("11".padStart(40, "0")) }),
    ],
    [
      "a signature algorithm that CAs do not have",
      "signature-algorithm",
      ({ issuer }) => ({ issuer: { ...issuer, signatureAlgorithm: "ed25519" } }),
    ],
  ];
  it.each(PORTS)("[U1] is nothing where the certificate would have %s", async (_name, rule, ports) => {
    const door = await openDoor({ ports });
    door.expectRefused(await door.sign(), {
      status: 500,
      code: 13,
      message: "error communicating with CA backend",
      reason: "LINT",
    });
    expect(await door.metrics()).toMatch(
      /mayfly_issuances_total\{result="failed",code="profile_violation",reason="LINT"\} 1/u,
    );
    const detail = expect.stringMatching(new RegExp(`^${rule}: `, "u")) as unknown;
    expect(door.audit.records.at(-1)).toMatchObject({ kind: "outcome", detail });
    await door.close();
  });

  it("[U3] differs from its log entry in poison and SCT list only", async () => {
    const tbs: Uint8Array[] = [];
    const whole = await open({
      wrapCaSigner: (signer) => ({
        ...signer,
        sign: (message) => {
          tbs.push(message);
          return signer.sign(message);
        },
      }),
    });
    const certificate = certificateIn(await whole.send(keyRequest()));
    const [precertificate, final] = tbs.map((bytes) => {
      const fields = derChildren(parseDer(bytes));
      const extensions = derChildren(derChildren(fields.at(-1)!)[0]!).map(({ bytes: der }) => Buffer.from(der));
      return { fields: fields.slice(0, -1).map(({ bytes: der }) => Buffer.from(der)), extensions };
    });
    expect(tbs).toHaveLength(2);
    expect(final!.fields).toEqual(precertificate!.fields);
    expect(final!.extensions.slice(0, -1)).toEqual(precertificate!.extensions.slice(0, -1));
    expect(precertificate!.extensions.at(-1)!.toString("hex")).toBe("3013060a2b06010401d6790204030101ff04020500");
    expect(final!.extensions.at(-1)!.toString("hex")).toMatch(/^30[0-9a-f]+060a2b06010401d67902040204/u);
    expect(certificate.raw.includes(Buffer.from(tbs[1]!))).toBe(true);
  });

  it("[U4] comes with its whole chain: leaf first, root last", async () => {
    const whole = await open();
    const chain = chainIn(await whole.send(keyRequest()));
    expect(chain.length).toBe(3);
    const [leaf, issuing, root] = [chain[0]!, chain[1]!, chain[2]!];
    expect([leaf.ca, issuing.ca, root.ca]).toEqual([false, true, true]);
    expect(leaf.checkIssued(issuing) && leaf.verify(issuing.publicKey)).toBe(true);
    expect(issuing.checkIssued(root) && issuing.verify(root.publicKey)).toBe(true);
    expect(root.checkIssued(root) && root.verify(root.publicKey)).toBe(true);
  });
});

/** A store by its methods, so that single ones can be replaced. */
function bound<T extends object>(store: T): T {
  return new Proxy({} as T, {
    ownKeys: () => ["manifest", "head", "append", "publish", "published", "snapshot", "indexOfSubmission", "close"],
    getOwnPropertyDescriptor: (_target, name) => ({
      configurable: true,
      enumerable: true,
      value: (store[name as keyof T] as (...args: unknown[]) => unknown).bind(store),
    }),
    get: (_target, name) => (store[name as keyof T] as (...args: unknown[]) => unknown).bind(store),
  });
}

async function checkpointSize(whole: WholeApp): Promise<number> {
  return Number((await whole.get("/whole/checkpoint")).text.split("\n")[1]);
}
