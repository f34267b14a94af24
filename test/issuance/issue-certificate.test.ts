import { describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { MayflyError } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import type { Precertificate } from "../../src/core/issuance-types.ts";
import { makeIssueCertificate } from "../../src/issuance/issue-certificate.ts";
import type { IssuanceDeps } from "../../src/issuance/issue-certificate.ts";
import { reasonOf } from "../support/caller-keys.ts";
import { EMAIL, goodRequest, makeIssuanceDeps, NOW_MS, OPEN_LOG, PATIENT, someSct } from "../support/issuance.ts";

const fails = (reason: Reason) => () => Promise.reject(new MayflyError(reason, "made by a test"));

describe("issuing a certificate", () => {
  it("asks its ports in the one order that logs before it certifies", async () => {
    const { deps, events } = await makeIssuanceDeps();
    await makeIssueCertificate(deps)(goodRequest(), PATIENT);
    expect(events).toEqual(["now", "token", "open", "serial", "sign", "log", "sign"]);
  });

  it("[N2] asks the CA's key service before anything is begun, and begins nothing when that refuses", async () => {
    const { deps, events } = await makeIssuanceDeps();
    const service = {
      requireOpen: () => {
        throw new MayflyError("SIGNER_BUDGET", "made by a test");
      },
      refusal: () => undefined,
    };
    const issue = makeIssueCertificate({ ...deps, signer: { ...deps.signer, service } });
    await expect(issue(goodRequest(), PATIENT)).rejects.toMatchObject({ reason: "SIGNER_BUDGET" });
    expect(events).toEqual(["now", "token", "open"]);
  });

  it("gives a certificate by the issuing CA, valid for ten minutes from the one clock reading", async () => {
    const { deps } = await makeIssuanceDeps();
    const issued = await makeIssueCertificate(deps)(goodRequest(), PATIENT);
    const leaf = new X509Certificate(issued.leaf);
    expect(leaf.verify(new X509Certificate(issued.chainPem[0]!).publicKey)).toBe(true);
    expect(leaf.subjectAltName).toBe(`email:${EMAIL}`);
    expect(leaf.validFromDate.getTime()).toBe(Math.floor(NOW_MS / 1000) * 1000);
    expect(leaf.validToDate.getTime() - leaf.validFromDate.getTime()).toBe(600_000);
    expect(BigInt(`0x${leaf.serialNumber}`)).toBe(BigInt(`0x${Buffer.from(issued.serialNumber).toString("hex")}`));
    expect(issued.logIndex).toBe(7);
  });

  it("hands the log a precertificate with the poison, by the key that signs the certificate", async () => {
    const logged: Precertificate[] = [];
    const { deps } = await makeIssuanceDeps({
      log: {
        ...OPEN_LOG,
        add: (precertificate) => {
          logged.push(precertificate);
          return Promise.resolve(someSct(NOW_MS));
        },
      },
    });
    const issued = await makeIssueCertificate(deps)(goodRequest(), PATIENT);
    const precertificate = Buffer.from(logged[0]!.der);
    expect(precertificate.includes(Buffer.from("3013060a2b06010401d6790204030101ff04020500", "hex"))).toBe(true);
    const issuing = new X509Certificate(issued.chainPem[0]!);
    expect(new X509Certificate(precertificate).verify(issuing.publicKey)).toBe(true);
    expect(new X509Certificate(precertificate).serialNumber).toBe(new X509Certificate(issued.leaf).serialNumber);
  });

  it("draws a fresh serial number for each request", async () => {
    const { deps } = await makeIssuanceDeps();
    const issue = makeIssueCertificate(deps);
    const request = goodRequest();
    const serials = await Promise.all(
      Array.from({ length: 20 }, async () => (await issue(request, PATIENT)).serialNumber),
    );
    expect(new Set(serials.map((serial) => Buffer.from(serial).toString("hex"))).size).toBe(20);
  });

  const REFUSALS: readonly { name: string; deps: Partial<IssuanceDeps>; reason: Reason; asked: readonly string[] }[] = [
    { name: "the token", deps: { verifyIdToken: fails("TOKEN_EXPIRED") }, reason: "TOKEN_EXPIRED", asked: ["now"] },
    {
      name: "a key algorithm",
      deps: { keyPolicy: { permittedAlgorithms: new Set(), forbiddenKeys: new Set() } },
      reason: "ALGORITHM_NOT_PERMITTED",
      asked: ["now", "token"],
    },
    {
      name: "the serial number",
      deps: { serialNumber: () => new Uint8Array(20) },
      reason: "LINT",
      asked: ["now", "token", "open"],
    },
    {
      name: "a log that is known to refuse",
      deps: {
        log: {
          requireOpen: () => {
            throw new MayflyError("LOG_CLOSED", "made by a test");
          },
          add: fails("UNEXPECTED"),
        },
      },
      reason: "LOG_CLOSED",
      asked: ["now", "token"],
    },
    {
      name: "the log",
      deps: { log: { ...OPEN_LOG, add: fails("LOG_QUEUE_FULL") } },
      reason: "LOG_QUEUE_FULL",
      asked: ["now", "token", "serial", "sign"],
    },
    {
      name: "an SCT from before the validity",
      deps: { log: { ...OPEN_LOG, add: () => Promise.resolve(someSct(NOW_MS - 1000)) } },
      reason: "SCT_OUTSIDE_VALIDITY",
      asked: ["now", "token", "serial", "sign"],
    },
    {
      name: "an SCT from after the validity",
      deps: { log: { ...OPEN_LOG, add: () => Promise.resolve(someSct(NOW_MS + 601_000)) } },
      reason: "SCT_OUTSIDE_VALIDITY",
      asked: ["now", "token", "serial", "sign"],
    },
  ];

  it.each(REFUSALS)("goes no further than $name that is not good", async ({ deps: overrides, reason, asked }) => {
    const { deps, events } = await makeIssuanceDeps(overrides);
    expect(await reasonOf(() => makeIssueCertificate(deps)(goodRequest(), PATIENT))).toBe(reason);
    expect(events).toEqual(asked);
  });

  it("neither signs nor logs for a proof by another key", async () => {
    const { deps, events } = await makeIssuanceDeps();
    const [mine, other] = [goodRequest().key, goodRequest().key];
    if (mine.kind !== "public-key" || other.kind !== "public-key") throw new TypeError("made otherwise");
    const request = { idToken: "t", key: { ...mine, proof: other.proof } };
    expect(await reasonOf(() => makeIssueCertificate(deps)(request, PATIENT))).toBe("PROOF_INVALID");
    expect(events).toEqual(["now", "token"]);
  });

  it("issues nothing when the CA key refuses its second signature", async () => {
    const { deps } = await makeIssuanceDeps();
    let signatures = 0;
    const signer = {
      ...deps.signer,
      sign: (tbs: Uint8Array) => (++signatures === 2 ? fails("SIGNER_REFUSED")() : deps.signer.sign(tbs)),
    };
    expect(await reasonOf(() => makeIssueCertificate({ ...deps, signer })(goodRequest(), PATIENT))).toBe(
      "SIGNER_REFUSED",
    );
  });

  const STAGES: readonly (readonly [during: string, asked: readonly string[]])[] = [
    ["nothing yet", ["now"]],
    ["token", ["now", "token"]],
    ["serial", ["now", "token", "open", "serial"]],
    // What the CA has signed is logged, whoever still waits for it.
    ["sign", ["now", "token", "open", "serial", "sign", "log"]],
    ["log", ["now", "token", "open", "serial", "sign", "log"]],
  ];

  it.each(STAGES)("begins no stage but the log's when it is aborted during: %s", async (during, asked) => {
    const { deps, events } = await makeIssuanceDeps();
    const gone = new AbortController();
    const abort = (): void => {
      gone.abort(new MayflyError("CALLER_GONE", "made by a test"));
    };
    const abortAt = <T>(stage: string, result: T): T => {
      if (stage === during) abort();
      return result;
    };
    if (during === "nothing yet") abort();
    const issue = makeIssueCertificate({
      ...deps,
      verifyIdToken: async (token, nowMs) => abortAt("token", await deps.verifyIdToken(token, nowMs)),
      serialNumber: () => abortAt("serial", deps.serialNumber()),
      signer: { ...deps.signer, sign: async (tbs) => abortAt("sign", await deps.signer.sign(tbs)) },
      log: { ...deps.log, add: async (precertificate) => abortAt("log", await deps.log.add(precertificate)) },
    });
    expect(await reasonOf(() => issue(goodRequest(), gone.signal))).toBe("CALLER_GONE");
    expect(events).toEqual(asked);
  });
});
