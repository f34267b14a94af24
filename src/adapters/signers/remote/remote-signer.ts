import { describeCauses, MayflyError } from "../../../core/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { KeyService, Signer } from "../../../ports/signer.ts";
import { LOAD_MESSAGE } from "../load-message.ts";
import { readPublicKey } from "../public-key.ts";
import type { PublicKey } from "../public-key.ts";
import { BegunWork } from "./begun-work.ts";
import { toMayflyError } from "./failure-reason.ts";
import { KeyCalls } from "./key-calls.ts";
import type { KeyAttempt, KeyCall, KeyCallLimits } from "./key-calls.ts";
import { asKeyFailure, KeyFailure } from "./key-failure.ts";
import { KeyWatch } from "./key-watch.ts";
import { signRequestFor } from "./remote-key.ts";
import type { RemoteKey } from "./remote-key.ts";
import { SignatureBudget } from "./signature-budget.ts";
import type { StartTimer } from "./timer.ts";

/** A start has time: connections, credentials and name resolution are all cold. */
const OPENING_MS = 10_000;

/** What may be asked of a remote key. */
export interface RemoteSignerLimits extends KeyCallLimits {
  /** Signatures that certificates may begin to ask for each second; any number when left out. */
  readonly signaturesPerSecond?: number | undefined;
  /** Signatures that this key makes for each certificate; none when left out. */
  readonly signaturesPerCertificate?: number | undefined;
}

/** Why a certificate was not begun. */
export type ShedCause = "shed-budget" | "shed-busy" | "shed-open" | "shed-lasting";

/** What openRemoteSigner takes beside the key. */
export interface RemoteSignerOptions {
  readonly limits: RemoteSignerLimits;
  readonly clock: Pick<Clock, "monotonic">;
  /** From 0 to below 1: spreads attempts and callers. */
  readonly random: () => number;
  readonly onAttempt?: (ended: KeyAttempt) => void;
  readonly onShed?: (cause: ShedCause) => void;
  /** Called when a key that worked does no more, with the reason, and without one when it works again. */
  readonly onProblem?: (problem: MayflyError | undefined) => void;
  readonly startTimer?: StartTimer;
  readonly startBackgroundTimer?: StartTimer;
}

/**
 * Makes a signer of a remote key. Its public key is asked for once and pinned: every signature is verified against it before
 * anybody sees it, and it is compared again after credentials were renewed and every few minutes, so that no other key can
 * take its place. Attempts have a deadline, those that may help are made again, and not too many at once; a service that
 * fails five times in a row is left alone until it signs again, which is found out in the background.
 *
 * The key is the signer's from here on, and closed with it, also when opening fails.
 *
 * @throws MayflyError `signer_failed` or `signer_unavailable`, naming the key
 */
export async function openRemoteSigner(key: RemoteKey, options: RemoteSignerOptions): Promise<Signer> {
  const signer = new RemoteSigner(key, options);
  try {
    return await signer.open();
  } catch (error) {
    await signer.close();
    throw error instanceof MayflyError ? error : toMayflyError(asKeyFailure(error), key.name);
  }
}

class RemoteSigner implements KeyService {
  readonly #key: RemoteKey;
  readonly #options: RemoteSignerOptions;
  readonly #calls: KeyCalls;
  readonly #budget: SignatureBudget | undefined;
  readonly #begunWork: BegunWork;
  #watch: KeyWatch | undefined;
  /** How often credentials had been renewed when the public key was compared last. */
  #renewalsCompared = 0;
  #comparison: Promise<void> | undefined;

  constructor(key: RemoteKey, options: RemoteSignerOptions) {
    this.#key = key;
    this.#options = options;
    const { signaturesPerSecond, signaturesPerCertificate = 0, inFlight } = options.limits;
    if (signaturesPerSecond !== undefined) {
      this.#budget = new SignatureBudget(signaturesPerSecond, signaturesPerCertificate);
    }
    this.#begunWork = new BegunWork(signaturesPerCertificate / inFlight);
    this.#calls = new KeyCalls(key, {
      ...options,
      onAttempt: options.onAttempt ?? (() => undefined),
      onHealthChange: () => {
        this.#watch?.lookSoon();
        // While it is opened the caller hears of a problem in another way.
        if (this.#watch !== undefined) options.onProblem?.(this.refusal());
      },
    });
  }

  async open(): Promise<Signer> {
    this.#renewalsCompared = this.#key.renewals?.() ?? 0;
    const publicKey = await this.#fetchPublicKey();
    await this.#sign(publicKey, LOAD_MESSAGE, { deadlineMs: OPENING_MS }).catch((error: unknown) => {
      const { kind, message } = asKeyFailure(error);
      throw kind === "invalid-signature" ? new KeyFailure("wrong-key", message) : error;
    });
    this.#watch = new KeyWatch({
      problem: () => {
        const kind = this.#calls.health.problem?.failure.kind;
        return kind === undefined || kind === "wrong-key" ? kind : "other";
      },
      compare: () => this.#compare(publicKey),
      prove: async () => {
        await this.#compareAfterRenewal(publicKey);
        await this.#sign(publicKey, LOAD_MESSAGE, { attempts: 1 });
      },
      random: this.#options.random,
      startTimer: this.#options.startBackgroundTimer,
    });
    return this.#asSigner(publicKey);
  }

  #asSigner(publicKey: PublicKey): Signer {
    return {
      algorithm: publicKey.algorithm,
      publicKey: publicKey.der,
      location: "remote",
      service: this,
      sign: async (message, turn) => {
        const refusal = this.refusal();
        if (refusal !== undefined) throw refusal;
        const { clock, limits } = this.#options;
        const untilMs = clock.monotonic() + limits.deadlineMs;
        try {
          await this.#compareAfterRenewal(publicKey);
          return await this.#sign(publicKey, message, { turn, deadlineMs: untilMs - clock.monotonic() });
        } catch (error) {
          throw toMayflyError(asKeyFailure(error), this.#key.name);
        }
      },
      close: () => this.close(),
    };
  }

  requireOpen(): void {
    const refusal = this.refusal();
    if (refusal !== undefined) {
      this.#options.onShed?.(refusal.reason === "SIGNER_CIRCUIT_OPEN" ? "shed-open" : "shed-lasting");
      throw refusal;
    }
    const nowMs = this.#options.clock.monotonic();
    // What waits half of its time for its turn may have too little left, and a certificate needs two turns. Those that were
    // begun a moment ago wait for no turn yet.
    const aheadMs = Math.max(this.#calls.expectedWaitMs, this.#begunWork.aheadMs(nowMs));
    if (aheadMs > this.#options.limits.deadlineMs / 2) {
      this.#options.onShed?.("shed-busy");
      throw new MayflyError("SIGNER_BUSY", `${this.#key.name}: calls wait longer than their time allows`);
    }
    const waitMs = this.#budget?.take(nowMs) ?? 0;
    if (waitMs === 0) {
      this.#begunWork.begin(nowMs, this.#calls.meanMs);
      return;
    }
    this.#options.onShed?.("shed-budget");
    // One to five seconds more, so that those who are refused together do not come back together.
    const retryAfterMs = waitMs + 1_000 + 4_000 * this.#options.random();
    throw new MayflyError("SIGNER_BUDGET", `${this.#key.name}: the budget of signatures is used up`, { retryAfterMs });
  }

  refusal(): MayflyError | undefined {
    if (this.#calls.isClosed) return new MayflyError("SIGNER_REFUSED", `${this.#key.name}: the signer is closed`);
    const { problem } = this.#calls.health;
    if (problem === undefined) return undefined;
    if (problem.kind === "lasting") return toMayflyError(problem.failure, this.#key.name);
    return new MayflyError(
      "SIGNER_CIRCUIT_OPEN",
      `${this.#key.name} is left alone, after failures in a row: ${problem.failure.message}`,
      { retryAfterMs: 5_000 + 10_000 * this.#options.random() },
    );
  }

  async close(): Promise<void> {
    this.#watch?.close();
    this.#calls.close();
    await this.#key.close();
  }

  #sign(
    publicKey: PublicKey,
    message: Uint8Array,
    how: Pick<KeyCall<never>, "deadlineMs" | "attempts" | "turn">,
  ): Promise<Uint8Array> {
    const request = signRequestFor(publicKey.algorithm, message);
    const ask = async (signal: AbortSignal): Promise<Uint8Array> => {
      const signature = await this.#key.sign(request, signal);
      if (publicKey.verify(message, signature)) return signature;
      throw new KeyFailure("invalid-signature", "the signature is not by the key that was pinned");
    };
    return this.#calls.call({ operation: "sign", ask, ...how });
  }

  #fetchPublicKey(): Promise<PublicKey> {
    const ask = async (signal: AbortSignal): Promise<PublicKey> => parse(await this.#key.fetchPublicKey(signal));
    return this.#calls.call({ operation: "public-key", ask, deadlineMs: OPENING_MS });
  }

  /** New credentials may be those of somebody else's key service. */
  async #compareAfterRenewal(pinned: PublicKey): Promise<void> {
    if (this.#owesComparison) await this.#compare(pinned);
  }

  get #owesComparison(): boolean {
    return (this.#key.renewals?.() ?? 0) !== this.#renewalsCompared;
  }

  async #compare(pinned: PublicKey): Promise<void> {
    this.#comparison ??= this.#compareNow(pinned).finally(() => {
      this.#comparison = undefined;
    });
    await this.#comparison;
  }

  async #compareNow(pinned: PublicKey): Promise<void> {
    const ask = async (signal: AbortSignal): Promise<number> => {
      const { der } = parse(await this.#key.fetchPublicKey(signal));
      if (Buffer.compare(der, pinned.der) === 0) return this.#key.renewals?.() ?? 0;
      throw new KeyFailure("wrong-key", "the service has another public key than the one that was pinned");
    };
    const holdsUpSignatures = this.#owesComparison;
    this.#renewalsCompared = await this.#calls.call({ operation: "public-key", ask, holdsUpSignatures });
  }
}

function parse(der: Uint8Array): PublicKey {
  try {
    return readPublicKey(der);
  } catch (error) {
    throw new KeyFailure("key-unusable", describeCauses(error));
  }
}
