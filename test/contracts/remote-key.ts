import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { inspect } from "node:util";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { KeyFailure, type KeyFailureKind } from "../../src/adapters/signers/remote/key-failure.ts";
import { signRequestFor, type RemoteKey } from "../../src/adapters/signers/remote/remote-key.ts";
import { openRemoteSigner } from "../../src/adapters/signers/remote/remote-signer.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import type { Reason } from "../../src/core/errors.ts";
import type { Signer } from "../../src/ports/signer.ts";
import { describeSigner } from "./signer.ts";

/** A key service, real or ours, that a suite can ask to misbehave. */
export interface KeyServiceLab<Fault extends string> {
  /** Opens the pinned version of the key of an algorithm, as a configuration would have it opened. */
  open(algorithm: SignatureAlgorithm): Promise<RemoteKey>;
  /** From now on; undefined ends it. */
  misbehave(fault: Fault | undefined): Promise<void> | void;
  /** Makes a newer version of the key, where the service has versions. */
  rotate?(algorithm: SignatureAlgorithm): Promise<void> | void;
  /** Everything that must not be in any error: tokens, secrets, PINs. */
  secrets(): readonly string[];
  close(): Promise<void>;
}

/** What a suite is told of a key service. */
export interface KeyServiceSuite<Fault extends string> {
  readonly algorithms: readonly SignatureAlgorithm[];
  /** What it can be made to do when it is asked for a signature, and what kind of failure the adapter makes of it. */
  readonly faults: Readonly<Partial<Record<Fault, KeyFailureKind | "ok">>>;
  /** Faults under which the adapter sees nothing wrong, because only the public key tells: the wrapper must. */
  readonly lies: readonly Fault[];
  /** The fault that never answers. */
  readonly silent: Fault;
  /** Longest wait for one answer, where a service that begins anew needs more than usual, milliseconds. */
  readonly attemptMs?: number;
  readonly start: () => Promise<KeyServiceLab<Fault>>;
}

const LIMITS = { attemptMs: 400, attempts: 2, inFlight: 16 };
/** Real services have other things to do as well. */
const GOOD_LIMITS = { attemptMs: 10_000, attempts: 2, deadlineMs: 20_000, inFlight: 16 };
const MESSAGE = new TextEncoder().encode("to be signed");

const REASONS: Readonly<Partial<Record<KeyFailureKind | "ok", Reason>>> = {
  timeout: "SIGNER_TIMEOUT",
  unavailable: "SIGNER_UNREACHABLE",
  quota: "SIGNER_QUOTA",
  credentials: "SIGNER_DENIED",
  denied: "SIGNER_DENIED",
  "key-unusable": "SIGNER_KEY_UNUSABLE",
  "wrong-answer": "SIGNER_ANSWER_INVALID",
  refused: "SIGNER_REFUSED",
};

/** What every adapter of a key service owes the wrapper that all of them share, and both of them their callers. */
export function describeRemoteKey<Fault extends string>(name: string, suite: KeyServiceSuite<Fault>): void {
  describe(`${name} as a remote key`, () => {
    let lab: KeyServiceLab<Fault>;
    const opened: (RemoteKey | Signer)[] = [];
    const attemptMs = suite.attemptMs ?? LIMITS.attemptMs;
    const usual = { ...LIMITS, attemptMs, deadlineMs: 2 * attemptMs + 100 };
    const [anAlgorithm] = suite.algorithms as [SignatureAlgorithm];
    beforeAll(async () => {
      lab = await suite.start();
    });
    afterEach(async () => {
      await lab.misbehave(undefined);
      for (const key of opened.splice(0)) await key.close();
    });
    afterAll(() => lab.close());

    const openKey = async (algorithm = anAlgorithm): Promise<RemoteKey> => {
      const key = await lab.open(algorithm);
      opened.push(key);
      return key;
    };
    const openSigner = async (limits = usual): Promise<Signer> => {
      const signer = await openRemoteSigner(await lab.open(anAlgorithm), {
        limits,
        clock: systemClock,
        random: () => 0,
      });
      opened.push(signer);
      return signer;
    };
    const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);
    const request = signRequestFor(anAlgorithm, MESSAGE);
    const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => undefined,
        (error: unknown) => error,
      );
    const expectNoSecret = (error: unknown): void => {
      const shown = inspect(error, { depth: 10, showHidden: true });
      for (const secret of lab.secrets()) expect(shown.includes(secret)).toBe(false);
    };

    for (const algorithm of suite.algorithms) {
      describeSigner(name, algorithm, async () =>
        openRemoteSigner(await lab.open(algorithm), { limits: GOOD_LIMITS, clock: systemClock, random: () => 0 }),
      );
    }

    const faults = Object.entries(suite.faults) as [Fault, KeyFailureKind | "ok"][];

    it.each(faults)("tells %s as %s", async (fault, kind) => {
      const key = await openKey();
      await key.fetchPublicKey(within(10_000));
      await lab.misbehave(fault);
      const error = await failureOf(key.sign(request, within(600)));
      if (kind === "ok") {
        expect(error).toBeUndefined();
      } else if (kind !== "timeout") {
        expect(error).toBeInstanceOf(KeyFailure);
        expect((error as KeyFailure).kind).toBe(kind);
      } else {
        expect(error).toBeDefined();
      }
      expectNoSecret(error);
      await lab.misbehave(undefined);
      if (kind === "credentials") await key.renewCredentials?.(within(10_000));
      expect(await key.sign(request, within(10_000))).toBeInstanceOf(Uint8Array);
    });

    it.each([...faults, ...suite.lies.map((fault): [Fault, "lie"] => [fault, "lie"])])(
      "gives its callers no signature under %s (%s), in time and with its reason",
      async (fault, kind) => {
        const signer = await openSigner();
        await lab.misbehave(fault);
        const startedMs = performance.now();
        const error = await failureOf(signer.sign(MESSAGE));
        expect(performance.now() - startedMs).toBeLessThan(usual.deadlineMs + 500);
        if (kind === "ok") return;
        // A token that is not taken any more is renewed without anybody's noticing.
        if (kind === "credentials" && error === undefined) return;
        expect(error).toMatchObject({ reason: kind === "lie" ? "SIGNATURE_INVALID" : REASONS[kind] });
        expectNoSecret(error);
      },
    );

    it("goes away soon after it was told to", async () => {
      const key = await openKey();
      await key.fetchPublicKey(within(10_000));
      await lab.misbehave(suite.silent);
      const controller = new AbortController();
      const calls = [key.sign(request, controller.signal), key.fetchPublicKey(controller.signal)].map(failureOf);
      setTimeout(() => {
        controller.abort(new KeyFailure("timeout", "enough"));
      }, 50);
      const startedMs = performance.now();
      const errors = await Promise.all(calls);
      expect(performance.now() - startedMs).toBeLessThan(550);
      expect(errors.every((error) => error !== undefined)).toBe(true);
    });

    it("asks for nothing under a signal that is aborted already", async () => {
      const key = await openKey();
      expect(await failureOf(key.sign(request, AbortSignal.abort(new KeyFailure("closed", "over"))))).toBeDefined();
    });

    it("goes on signing with the version that was pinned when there is a newer one", async () => {
      const signer = await openSigner(GOOD_LIMITS);
      await lab.rotate?.(anAlgorithm);
      expect(await signer.sign(MESSAGE)).toBeInstanceOf(Uint8Array);
      const again = await openSigner(GOOD_LIMITS);
      expect(Buffer.from(again.publicKey)).toEqual(Buffer.from(signer.publicKey));
    });

    it("signs nothing after it was closed, and may be closed again", async () => {
      const key = await openKey();
      await key.fetchPublicKey(within(10_000));
      await key.close();
      await key.close();
    });
  });
}
