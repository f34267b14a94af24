import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { openPkcs11Key, type Pkcs11KeyOptions } from "../../../src/adapters/signers/pkcs11/pkcs11-key.ts";
import { signRequestFor, type RemoteKey } from "../../../src/adapters/signers/remote/remote-key.ts";
import { openRemoteSigner } from "../../../src/adapters/signers/remote/remote-signer.ts";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { describeRemoteKey } from "../../contracts/remote-key.ts";
import { whatIsMissing } from "../../support/clients/installation.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { itWhen } from "../../support/it-when.ts";
import { buildMisbehavingModule, whyNoCompiler, type ModuleFault } from "../../support/keys/misbehaving-module.ts";
import { startRemoteMayfly, type RemoteMayfly } from "../../support/keys/remote-mayfly.ts";
import { makeSoftHsm, SOFT_HSM, type SoftHsm } from "../../support/keys/soft-hsm.ts";

const missing = whatIsMissing(SOFT_HSM) ?? whyNoCompiler();
const [itWithHsm, skipped] = itWhen(missing === undefined, missing ?? "");
const P256 = "ecdsa-p256-sha256";
const ALGORITHMS: readonly SignatureAlgorithm[] = [
  "ecdsa-p256-sha256",
  "ecdsa-p384-sha384",
  "ecdsa-p521-sha512",
  "rsa-pkcs1-sha256",
  "ed25519",
];
if (!("whyNot" in SOFT_HSM)) recordVersion("SoftHSM", SOFT_HSM.version);

const folder = mkdtempSync(join(tmpdir(), "mayfly-hsm-"));
const makeHsm = (name: string): SoftHsm => {
  mkdirSync(join(folder, name));
  return makeSoftHsm(join(folder, name));
};
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const optionsFor = (hsm: SoftHsm, module: string, label: string): Pkcs11KeyOptions => ({
  module,
  token: { label: "mayfly" },
  key: { label },
  sessions: 4,
  readPin: () => hsm.pin,
});

if (missing === undefined) {
  describeRemoteKey<ModuleFault>("a key of a real SoftHSM", {
    // SoftHSM takes no empty message for Ed25519, which the suite signs as well; checkpoints of a whole Mayfly are below.
    algorithms: ALGORITHMS.filter((algorithm) => algorithm !== "ed25519"),
    faults: {
      hang: "timeout",
      crash: "unavailable",
      short: "wrong-answer",
      // CKR_DEVICE_REMOVED, _DEVICE_ERROR, _GENERAL_ERROR, _SESSION_HANDLE_INVALID, _TOKEN_NOT_PRESENT, _USER_NOT_LOGGED_IN
      "error-32": "unavailable",
      "error-30": "unavailable",
      "error-5": "unavailable",
      "error-b3": "unavailable",
      "error-e0": "unavailable",
      "error-101": "unavailable",
      // CKR_SESSION_COUNT, _KEY_FUNCTION_NOT_PERMITTED, _MECHANISM_INVALID, _DATA_LEN_RANGE
      "error-b1": "quota",
      "error-68": "key-unusable",
      "error-70": "key-unusable",
      "error-21": "refused",
    },
    lies: ["flip", "replay"],
    silent: "hang",
    // After each failure the module's process is another one.
    attemptMs: 2_000,
    start: () => {
      const hsm = makeHsm("contract");
      const module = buildMisbehavingModule(join(folder, "contract"), hsm.module);
      ALGORITHMS.forEach((algorithm, at) => {
        hsm.makeKey(algorithm, { label: algorithm, id: `0${String(at + 1)}` });
      });
      return Promise.resolve({
        open: (algorithm) => openPkcs11Key(optionsFor(hsm, module.path, algorithm), { name: "HSM key" }),
        misbehave: module.misbehave,
        secrets: () => [hsm.pin],
        close: () => {
          hsm.close();
          return Promise.resolve();
        },
      });
    },
  });
}

describe("a key in a token", () => {
  let hsm: SoftHsm;
  const opened: RemoteKey[] = [];
  beforeAll(() => {
    if (missing !== undefined) return;
    hsm = makeHsm("token");
    hsm.makeKey(P256, { label: "ca", id: "01" });
    hsm.makeKey(P256, { label: "twice", id: "02" });
    hsm.makeKey(P256, { label: "twice", id: "03" });
  });
  afterAll(() => {
    if (missing === undefined) hsm.close();
  });
  const open = async (change: Partial<Pkcs11KeyOptions> = {}): Promise<RemoteKey> => {
    const key = await openPkcs11Key({ ...optionsFor(hsm, hsm.module, "ca"), ...change }, { name: "HSM key" });
    opened.push(key);
    return key;
  };
  const closeAll = async (): Promise<void> => {
    for (const key of opened.splice(0)) await key.close();
  };
  const soon = (): AbortSignal => AbortSignal.timeout(10_000);
  const request = signRequestFor(P256, new TextEncoder().encode("tbs"));
  const kindOf = async (work: Promise<unknown>): Promise<unknown> => {
    const keep = setInterval(() => undefined, 100);
    const kind: unknown = await work.then(
      () => "ok",
      (error: unknown) => (error as { kind?: unknown }).kind,
    );
    clearInterval(keep);
    return kind;
  };

  itWithHsm(`is refused when the choice fits none or several${skipped}`, async () => {
    expect(await kindOf((await open({ key: { label: "log" } })).fetchPublicKey(soon()))).toBe("key-unusable");
    expect(await kindOf((await open({ key: { label: "twice" } })).fetchPublicKey(soon()))).toBe("key-unusable");
    expect(await kindOf((await open({ key: { label: "twice", id: "02" } })).fetchPublicKey(soon()))).toBe("ok");
    expect(await kindOf((await open({ token: { label: "none" } })).fetchPublicKey(soon()))).toBe("unavailable");
    await closeAll();
  });

  itWithHsm(`has a wrong PIN tried once, by all its keys together and also after a restart${skipped}`, async () => {
    let pin = "wrong";
    const keys = await Promise.all([1, 2, 3].map(() => open({ readPin: () => pin })));
    const kinds = await Promise.all(keys.map((key) => kindOf(key.fetchPublicKey(soon()))));
    expect(kinds).toEqual(["denied", "denied", "denied"]);
    expect(await kindOf(keys[0]!.fetchPublicKey(soon()))).toBe("denied");
    // As a restart: nothing is remembered but by the token.
    await closeAll();
    expect(await kindOf((await open({ readPin: () => "wrong too" })).fetchPublicKey(soon()))).toBe("denied");
    pin = hsm.pin;
    const healed = await open({ readPin: () => pin });
    expect(await kindOf(healed.fetchPublicKey(soon()))).toBe("denied");
    hsm.tool("--list-objects");
    expect(await kindOf(healed.fetchPublicKey(soon()))).toBe("ok");
    await closeAll();
    recordEvidence(
      "SoftHSM, wrong PIN: tried once by three keys; the token's own flag keeps a restart from trying again",
    );
  });

  itWithHsm(`has a wrong PIN tried once also by a token that tells nothing of wrong ones${skipped}`, async () => {
    mkdirSync(join(folder, "pins"), { recursive: true });
    const module = buildMisbehavingModule(join(folder, "pins"), hsm.module);
    module.misbehave("no-flags");
    let pin = "wrong";
    const key = await open({ module: module.path, readPin: () => pin });
    for (let count = 0; count < 4; count++) expect(await kindOf(key.fetchPublicKey(soon()))).toBe("denied");
    expect(module.logins()).toBe(1);
    pin = hsm.pin;
    expect(await kindOf(key.fetchPublicKey(soon()))).toBe("ok");
    expect(module.logins()).toBe(2);
    await closeAll();
    recordEvidence(
      "SoftHSM behind a module that hides its flags, wrong PIN: 1 login of 4 calls; the right one then signs",
    );
  });

  itWithHsm(`is found again when its token was pulled out and put back${skipped}`, async () => {
    const key = await open();
    expect(await kindOf(key.sign(request, soon()))).toBe("ok");
    hsm.pull();
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await kindOf(key.sign(request, soon()))).toBe("unavailable");
    }
    hsm.plug();
    const renewals = key.renewals!();
    let kind = await kindOf(key.sign(request, soon()));
    if (kind !== "ok") kind = await kindOf(key.sign(request, soon()));
    expect(kind).toBe("ok");
    expect(key.renewals!()).toBeGreaterThan(renewals);
    await closeAll();
    recordEvidence("SoftHSM, token pulled: unavailable; put back: logged in again, public key compared again");
  });

  itWithHsm(`ends the process of a module that hangs, and signs again${skipped}`, async () => {
    mkdirSync(join(folder, "hang"), { recursive: true });
    const module = buildMisbehavingModule(join(folder, "hang"), hsm.module);
    const key = await open({ module: module.path, sessions: 2 });
    expect(await kindOf(key.sign(request, soon()))).toBe("ok");
    module.misbehave("hang");
    const startedMs = performance.now();
    const hung = [1, 2, 3].map(() => kindOf(key.sign(request, AbortSignal.timeout(300))));
    await Promise.all(hung);
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    await pause(6_000);
    module.misbehave(undefined);
    expect(await kindOf(key.sign(request, soon()))).toBe("ok");
    await closeAll();
    recordEvidence("a module that hangs: callers leave in 0.3 s, its process is ended after 5 s, the next call signs");
  });

  itWithHsm(`leaves no process behind when it is closed while it logs in${skipped}`, async () => {
    const processes = (): string[] =>
      spawnSync("pgrep", ["-P", String(process.pid), "-f", "token-process-main"], { encoding: "utf8" })
        .stdout.split("\n")
        .filter(Boolean);
    const key = await open();
    const asked = kindOf(key.fetchPublicKey(soon()));
    while (processes().length === 0) await pause(5);
    await closeAll();
    expect(await asked).toBe("closed");
    await pause(500);
    expect(processes()).toEqual([]);
  });

  itWithHsm(`leaves the event loop alone${skipped}`, async () => {
    hsm.makeKey("ecdsa-p521-sha512", { label: "slow", id: "04" });
    const signer = await openRemoteSigner(await open({ key: { label: "slow" } }), {
      limits: { attemptMs: 10_000, attempts: 1, deadlineMs: 20_000, inFlight: 32 },
      clock: systemClock,
      random: () => 0,
    });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const beforeMs = process.cpuUsage().user / 1_000;
    const startedMs = performance.now();
    delay.enable();
    await Promise.all(Array.from({ length: 200 }, (_, at) => signer.sign(Buffer.from([at]))));
    delay.disable();
    const seconds = (performance.now() - startedMs) / 1_000;
    const cpuMs = (process.cpuUsage().user / 1_000 - beforeMs) / 200;
    recordEvidence(
      `SoftHSM, P-521, 4 sessions: ${(200 / seconds).toFixed(0)} signatures/s; this process spends ` +
        `${cpuMs.toFixed(2)} ms on each, with its verification; event loop delayed by ${(delay.percentile(99) / 1e6).toFixed(1)} ms (p99)`,
    );
    expect(delay.percentile(50) / 1e6).toBeLessThan(50);
    await signer.close();
    await closeAll();
  });
});

describe("a Mayfly whose keys are in a real SoftHSM", () => {
  let hsm: SoftHsm;
  const opened: RemoteMayfly[] = [];
  beforeAll(() => {
    if (missing !== undefined) return;
    hsm = makeHsm("whole");
    hsm.makeKey(P256, { label: "log", id: "0a" });
    hsm.makeKey("ed25519", { label: "checkpoint", id: "0b" });
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    for (const mayfly of opened) await mayfly.close();
    hsm.close();
  });
  const signer = (key: string, module = hsm.module): string =>
    `{ kind: pkcs11, module: "${module}", token: { label: mayfly }, key: { label: ${key} }, pin: { env: PIN }, attemptSeconds: 1 }`;
  const startMayfly = async (ca: string): Promise<RemoteMayfly> => {
    const signers = { ca, log: signer("log"), checkpoint: signer("checkpoint") };
    const mayfly = await startRemoteMayfly(signers, { env: { PIN: hsm.pin } });
    opened.push(mayfly);
    return mayfly;
  };

  itWithHsm.each(ALGORITHMS.filter((algorithm) => algorithm !== "ed25519").map((algorithm) => [algorithm] as const))(
    `issues what Sigstore's client verifies, with a CA of %s and both keys of the log there${skipped}`,
    async (algorithm) => {
      hsm.makeKey(algorithm, { label: `ca-${algorithm}`, id: `1${String(ALGORITHMS.indexOf(algorithm))}` });
      const mayfly = await startMayfly(signer(`ca-${algorithm}`));
      for (let count = 0; count < 3; count++) await mayfly.sign();
      expect(await mayfly.treeSize()).toBe(3);
      expect(mayfly.logText().includes(hsm.pin)).toBe(false);
      recordEvidence(
        `SoftHSM, CA ${algorithm}, log P-256, checkpoints Ed25519: 3 files signed, all accepted by @sigstore/verify`,
      );
    },
  );

  itWithHsm(`takes a URI of RFC 7512${skipped}`, async () => {
    const uri = `pkcs11:token=mayfly;object=ca-${P256};type=private?module-path=${hsm.module}`;
    await (await startMayfly(`{ kind: uri, uri: "${uri}", pin: { env: PIN } }`)).sign();
  });

  itWithHsm(`whose token is slow and asked for too much, is not taken for one that is away${skipped}`, async () => {
    mkdirSync(join(folder, "slow"), { recursive: true });
    const module = buildMisbehavingModule(join(folder, "slow"), hsm.module);
    hsm.makeKey(P256, { label: "slow", id: "20" });
    const mayfly = await startMayfly(signer("slow", module.path).replace("pin:", "sessions: 2, pin:"));
    module.misbehave("slow");
    const answers = await Promise.all(Array.from({ length: 24 }, () => mayfly.request()));
    const told = new Set(answers.map(({ status, body }) => (status === 200 ? "200" : reasonOf(body))));
    expect(told).toContain("200");
    expect(told).not.toContain("SIGNER_CIRCUIT_OPEN");
    expect((await mayfly.request()).status).toBe(200);
    recordEvidence(
      `SoftHSM in 2 sessions of 300 ms, 24 callers at once: ${[...told].sort().join(", ")}; never left alone`,
    );
    module.misbehave(undefined);
  });

  itWithHsm.each<[ModuleFault, number, string]>([
    ["hang", 503, "SIGNER_TIMEOUT"],
    ["crash", 503, "SIGNER_UNREACHABLE"],
    ["error-32", 503, "SIGNER_UNREACHABLE"],
    ["flip", 500, "SIGNATURE_INVALID"],
    ["replay", 500, "SIGNATURE_INVALID"],
    ["short", 500, "SIGNER_ANSWER_INVALID"],
    ["error-68", 500, "SIGNER_KEY_UNUSABLE"],
  ])(
    `under %s of the CA's module gives no certificate and logs none: %i %s; and goes on when it is over${skipped}`,
    async (fault, status, reason) => {
      mkdirSync(join(folder, fault), { recursive: true });
      const module = buildMisbehavingModule(join(folder, fault), hsm.module);
      const mayfly = await startMayfly(signer(`ca-${P256}`, module.path));
      await mayfly.sign();
      module.misbehave(fault);
      const startedMs = performance.now();
      const answer = await mayfly.request();
      expect(performance.now() - startedMs).toBeLessThan(6_000);
      expect(answer).toMatchObject({ status, body: { details: [{ reason }] } });
      expect(await mayfly.treeSize()).toBe(1);
      module.misbehave(undefined);
      const untilMs = performance.now() + 20_000;
      while ((await mayfly.request()).status !== 200) {
        if (performance.now() > untilMs) throw new Error("no certificate again within 20 s");
        await pause(250);
      }
      recordEvidence(
        `SoftHSM behind a module that does ${fault}: ${String(status)} ${reason}, no entry; heals by itself`,
      );
    },
  );
});

const reasonOf = (body: unknown): string =>
  (body as { readonly details: readonly { readonly reason: string }[] }).details[0]!.reason;
