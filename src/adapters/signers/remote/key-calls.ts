import type { Clock } from "../../../ports/clock.ts";
import type { SigningTurn } from "../../../ports/signer.ts";
import { attempt } from "./attempt.ts";
import type { AttemptLimits } from "./attempt.ts";
import { CallPlaces } from "./call-places.ts";
import { CredentialsRenewal } from "./credentials-renewal.ts";
import { asKeyFailure, KeyFailure } from "./key-failure.ts";
import type { KeyFailureKind } from "./key-failure.ts";
import { KeyHealth } from "./key-health.ts";
import type { RemoteKey } from "./remote-key.ts";
import { MIN_ATTEMPT_MS, retryDelayMs } from "./retry-delay.ts";
import { startTimer } from "./timer.ts";
import type { StartTimer } from "./timer.ts";

/** What may be asked of a key service, and how long that may take. */
export interface KeyCallLimits {
  /** Longest wait for one answer, milliseconds. */
  readonly attemptMs: number;
  /** So many attempts may be made of one call. */
  readonly attempts: number;
  /** From the call to its end, with all waits and attempts, milliseconds. */
  readonly deadlineMs: number;
  /** Attempts under way at the same time. */
  readonly inFlight: number;
}

/** What a service is asked for. */
export type KeyOperation = "sign" | "public-key" | "login";

/** One attempt that ended. */
export interface KeyAttempt {
  readonly operation: KeyOperation;
  readonly outcome: "ok" | KeyFailureKind;
  readonly durationMs: number;
}

/** What calls are made with. */
export interface KeyCallsOptions {
  readonly limits: KeyCallLimits;
  readonly clock: Pick<Clock, "monotonic">;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly onAttempt: (ended: KeyAttempt) => void;
  readonly onHealthChange: () => void;
  readonly startTimer?: StartTimer;
}

/** One question to a service, asked anew with each attempt. */
export interface KeyCall<T> {
  readonly operation: KeyOperation;
  readonly ask: (signal: AbortSignal) => Promise<T>;
  /** Where it is not that of every call, milliseconds. */
  readonly deadlineMs?: number | undefined;
  /** Where they are not those of every call. */
  readonly attempts?: number | undefined;
  /** Whether signatures wait for it: then its failures are theirs. */
  readonly holdsUpSignatures?: boolean | undefined;
  /** Among those that wait for a place; in order when left out. */
  readonly turn?: SigningTurn | undefined;
}

/** Of an attempt's usual time: one that had less of it, because its turn came late, and had no answer says little. */
const MOST = 0.9;

/** Calls of one remote key: each in its time, tried again where that may help, and not too many at once. */
export class KeyCalls {
  readonly health: KeyHealth;
  readonly #options: KeyCallsOptions;
  readonly #places: CallPlaces;
  readonly #startTimer: StartTimer;
  readonly #renewal: CredentialsRenewal | undefined;
  readonly #closing = new AbortController();
  /** Undefined before the first one. */
  #meanMs: number | undefined;

  constructor(key: Pick<RemoteKey, "renewCredentials">, options: KeyCallsOptions) {
    this.#options = options;
    this.#startTimer = options.startTimer ?? startTimer;
    this.#places = new CallPlaces(options.limits.inFlight);
    this.health = new KeyHealth(options.onHealthChange);
    if (key.renewCredentials === undefined) return;
    const ask = (signal: AbortSignal): Promise<void> => key.renewCredentials?.(signal) ?? Promise.resolve();
    this.#renewal = new CredentialsRenewal(
      () => this.#timed({ operation: "login", ask }, options.limits.attemptMs),
      () => options.clock.monotonic(),
    );
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Time of a signature's attempt, the last ten or so counting most, milliseconds. */
  get meanMs(): number {
    return this.#meanMs ?? 0;
  }

  /** How long a call that comes now would wait for its turn, going by those before it; milliseconds. */
  get expectedWaitMs(): number {
    return this.#places.roundsAhead * this.meanMs;
  }

  /** @throws KeyFailure, that of the last attempt */
  async call<T>(call: KeyCall<T>): Promise<T> {
    const { limits, clock, random } = this.#options;
    const untilMs = clock.monotonic() + (call.deadlineMs ?? limits.deadlineMs);
    const attempts = call.attempts ?? limits.attempts;
    let renewal = this.#renewal;
    for (let number = 1; ; number++) {
      const startedMs = clock.monotonic();
      let limitMs = 0;
      try {
        limitMs = await this.#enter(untilMs, call.turn);
        return await this.#askInPlace(call, limitMs);
      } catch (error) {
        const failure = asKeyFailure(error);
        if (failure.kind === "credentials" && renewal !== undefined) {
          await this.#renewCredentials(renewal, startedMs, untilMs);
          renewal = undefined;
          continue;
        }
        this.#tell(call, failure, limitMs);
        const remainingMs = untilMs - clock.monotonic();
        const delayMs = retryDelayMs(failure, { number, attempts, remainingMs }, random);
        if (delayMs === undefined) throw failure;
        await this.#wait(delayMs);
      }
    }
  }

  /** Ends what is under way and refuses what comes. */
  close(): void {
    this.#closing.abort(new KeyFailure("closed", "the signer is closed"));
  }

  /** A login goes on for those who have more time. */
  async #renewCredentials(renewal: CredentialsRenewal, usedSinceMs: number, untilMs: number): Promise<void> {
    try {
      await attempt(() => renewal.renew(usedSinceMs), this.#limits(untilMs - this.#options.clock.monotonic()));
    } catch (error) {
      const failure = asKeyFailure(error);
      this.health.failed(failure);
      throw failure;
    }
  }

  #tell(call: KeyCall<unknown>, failure: KeyFailure, limitMs: number): void {
    const { attemptMs, deadlineMs } = this.#options.limits;
    if (failure.kind === "timeout" && limitMs < MOST * Math.min(attemptMs, deadlineMs)) return;
    // A public key that cannot be had says nothing about signatures, another one does.
    const isAboutSignatures = call.operation === "sign" || call.holdsUpSignatures === true;
    if (isAboutSignatures || failure.kind === "wrong-key") this.health.failed(failure);
  }

  /** Takes a place, which {@link KeyCalls.#askInPlace} gives back, and says how long the attempt may be, milliseconds. */
  async #enter(untilMs: number, turn: SigningTurn | undefined): Promise<number> {
    if (!this.#places.tryEnter()) await this.#waitForPlace(untilMs - MIN_ATTEMPT_MS, turn);
    return Math.min(this.#options.limits.attemptMs, untilMs - this.#options.clock.monotonic());
  }

  async #askInPlace<T>(call: KeyCall<T>, limitMs: number): Promise<T> {
    try {
      const answer = await this.#timed(call, limitMs);
      if (call.operation === "sign") this.health.signed();
      return answer;
    } finally {
      this.#places.leave();
    }
  }

  /** A call that gets no place in its time never reaches the service. */
  async #waitForPlace(untilMs: number, turn: SigningTurn | undefined): Promise<void> {
    const tooLate = new AbortController();
    const timer = this.#startTimer(
      () => {
        tooLate.abort(new KeyFailure("busy", "too many calls were under way to begin this one in its time"));
      },
      Math.max(0, untilMs - this.#options.clock.monotonic()),
    );
    try {
      await this.#places.enter(AbortSignal.any([tooLate.signal, this.#closing.signal]), turn);
    } finally {
      timer.stop();
    }
  }

  async #timed<T>({ operation, ask }: KeyCall<T>, limitMs: number): Promise<T> {
    const { clock, onAttempt } = this.#options;
    const startedMs = clock.monotonic();
    let outcome: KeyAttempt["outcome"] = "ok";
    try {
      return await attempt(ask, this.#limits(limitMs));
    } catch (error) {
      const failure = asKeyFailure(error);
      outcome = failure.kind;
      throw failure;
    } finally {
      const durationMs = clock.monotonic() - startedMs;
      if (operation === "sign") {
        const meanMs = this.#meanMs ?? durationMs;
        this.#meanMs = meanMs + (durationMs - meanMs) / 10;
      }
      onAttempt({ operation, outcome, durationMs });
    }
  }

  #limits(limitMs: number): AttemptLimits {
    return { limitMs: Math.max(0, limitMs), closing: this.#closing.signal, startTimer: this.#startTimer };
  }

  async #wait(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    const timer = this.#startTimer(wake, delayMs);
    this.#closing.signal.addEventListener("abort", wake);
    await promise;
    timer.stop();
    this.#closing.signal.removeEventListener("abort", wake);
  }
}
