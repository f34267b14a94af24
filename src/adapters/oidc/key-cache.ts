import { MayflyError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { BackOff } from "./back-off.ts";
import type { IssuerDocuments, IssuerKeys } from "./issuer-documents.ts";
import { IssuerFailure } from "./issuer-failure.ts";
import { selectKeys } from "./jwks.ts";
import type { KeySetFaults } from "./jwks.ts";
import type { VerificationKey } from "./jwk.ts";
import type { TokenHeader } from "./parse-token.ts";
import { UnknownKids } from "./unknown-kids.ts";

/** What a key cache is opened with. */
export interface KeyCacheOptions {
  /** The issuer's URL, for notices. */
  readonly issuer: string;
  readonly documents: Pick<IssuerDocuments, "discover" | "fetchKeys">;
  readonly clock: Clock;
  /** From 0 to below 1, for jitter. */
  readonly random: () => number;
  /** Longest wait for the issuer's documents, both together. */
  readonly deadlineMs: number;
  /** How long keys are used beyond their fresh time while the issuer cannot give newer ones; an hour when left out. */
  readonly staleMs?: number;
  readonly onNotice: Telemetry["notice"];
}

const DEFAULT_FRESH_SECONDS = 10 * 60;
const LEAST_FRESH_SECONDS = 5 * 60;
const MOST_FRESH_SECONDS = 60 * 60;
const FRESH_JITTER = 0.1;

/** Part of the fresh time after which a request has newer keys fetched without waiting for them. */
const REFRESH_AT = 0.8;

/** The bound on a withdrawn key, unless the issuer's entry has another one. */
const STALE_MS = 60 * 60 * 1000;

const MAX_WAITERS = 256;

interface Loaded extends IssuerKeys {
  readonly refreshFromMs: number;
  readonly freshUntilMs: number;
  readonly usableUntilMs: number;
}

/**
 * One issuer's keys, fetched when the first token asks for them. Fresh keys are answered at once; old ones are renewed
 * by one fetch for all who wait; when the issuer is away, the last keys serve for an hour, at once, and the issuer is
 * asked less and less often. Ages are measured by a clock that never steps.
 */
export class KeyCache {
  readonly #options: KeyCacheOptions;
  readonly #backOff: BackOff;
  readonly #unknownKids = new UnknownKids();
  readonly #closed = new AbortController();
  #loaded: Loaded | undefined;
  #flight: Promise<Loaded> | undefined;
  #waiters = 0;
  #lastFailure: MayflyError | undefined;

  constructor(options: KeyCacheOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.random);
  }

  /**
   * The keys that may have signed a token with this header, at least one.
   *
   * @throws MayflyError TOKEN_ALGORITHM, TOKEN_KEY_UNKNOWN or `issuer_unavailable`, which it is also for a key that nobody
   *   knows while the issuer fails
   */
  async findKeys(header: TokenHeader): Promise<readonly VerificationKey[]> {
    const before = this.#loaded;
    const loaded = await this.#current();
    if (!loaded.algorithms.has(header.alg)) {
      throw new MayflyError("TOKEN_ALGORITHM", "the issuer does not announce the token's algorithm");
    }
    const keys = selectKeys(loaded.set, header);
    if (keys.length > 0) return keys;
    if (header.kid !== undefined && loaded.set.byKid.has(header.kid)) {
      throw new MayflyError("TOKEN_ALGORITHM", "the key that the token names is not for its algorithm");
    }
    const newer = loaded === before ? await this.refetchKeys(header) : [];
    if (newer.length > 0) return newer;
    // It may have the key by now, and cannot be asked: what passes is not the token's fault.
    this.#checkBackOff();
    throw new MayflyError("TOKEN_KEY_UNKNOWN", "the issuer has no key that the token could be signed with");
  }

  /**
   * Fetches the keys again because those that were found did not do, as often as {@link UnknownKids} permits.
   *
   * @returns keys for the header; empty when there are none or fetching again is not permitted now
   * @throws MayflyError `issuer_unavailable`
   */
  async refetchKeys(header: TokenHeader): Promise<readonly VerificationKey[]> {
    if (this.#flight === undefined) {
      const nowMs = this.#options.clock.monotonic();
      if (this.#backOff.remainingMs(nowMs) > 0 || !this.#unknownKids.mayRefetch(header, nowMs)) return [];
    }
    const keys = selectKeys((await this.#renewed()).set, header);
    if (keys.length === 0) this.#unknownKids.rememberMissing(header, this.#options.clock.monotonic());
    return keys;
  }

  /** Of the key set in use; undefined before there is one. */
  get faults(): KeySetFaults | undefined {
    return this.#loaded?.set;
  }

  /** How many keys are in use; none before there are any. */
  get keyCount(): number {
    return this.#loaded?.set.keys.length ?? 0;
  }

  /** Whether whoever looks for keys now has the issuer asked, which has never answered. */
  get isFirstToBeAsked(): boolean {
    if (this.#loaded !== undefined || this.#flight !== undefined) return false;
    return this.#backOff.remainingMs(this.#options.clock.monotonic()) === 0;
  }

  /** Fetches the keys of an issuer that nobody has asked yet. A failure is noticed; never rejects. */
  async fetchAhead(): Promise<void> {
    if (this.isFirstToBeAsked) await this.#renewed().catch(() => undefined);
  }

  /** Ends what is being fetched; nothing that still arrives is used. */
  close(): void {
    this.#closed.abort();
  }

  async #current(): Promise<Loaded> {
    const loaded = this.#loaded;
    const nowMs = this.#options.clock.monotonic();
    if (loaded !== undefined && nowMs < loaded.freshUntilMs) {
      if (nowMs >= loaded.refreshFromMs) this.#renewInBackground(nowMs);
      return loaded;
    }
    if (this.#backOff.isFailing && isUsable(loaded, nowMs)) {
      // Nobody waits for an issuer that does not answer, as often as it is asked again.
      this.#renewInBackground(nowMs);
      return loaded;
    }
    try {
      return await this.#renewed();
    } catch (error) {
      if (isUsable(loaded, this.#options.clock.monotonic())) return loaded;
      throw error;
    }
  }

  #renewInBackground(nowMs: number): void {
    if (this.#flight !== undefined || this.#backOff.remainingMs(nowMs) > 0) return;
    this.#fly().catch(() => undefined); // noticed where it failed; there are keys at hand
  }

  /** Keys newer than now: joins the fetch under way or starts one, unless the issuer is to be left alone. */
  async #renewed(): Promise<Loaded> {
    if (this.#flight === undefined) this.#checkBackOff();
    if (this.#waiters >= MAX_WAITERS) {
      throw new MayflyError("ISSUER_QUEUE_FULL", "too many requests wait for the issuer's keys");
    }
    this.#waiters++;
    try {
      return await (this.#flight ?? this.#fly());
    } finally {
      this.#waiters--;
    }
  }

  #checkBackOff(): void {
    const retryAfterMs = this.#backOff.remainingMs(this.#options.clock.monotonic());
    if (retryAfterMs === 0) return;
    const reason = this.#lastFailure?.reason ?? "JWKS_FAILED";
    throw new MayflyError(reason, "the issuer failed a moment ago and is not asked again yet", {
      cause: this.#lastFailure,
      retryAfterMs,
    });
  }

  #fly(): Promise<Loaded> {
    this.#flight = this.#load().finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  async #load(): Promise<Loaded> {
    // Not AbortSignal.timeout(): Node.js keeps a signal for ever that is composed of one that is composed of such a signal.
    const tooLate = new AbortController();
    const timer = setTimeout(() => {
      tooLate.abort(new DOMException("the issuer did not answer in time", "TimeoutError"));
    }, this.#options.deadlineMs).unref();
    try {
      return await this.#fetch(AbortSignal.any([this.#closed.signal, tooLate.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  async #fetch(signal: AbortSignal): Promise<Loaded> {
    const { clock, documents } = this.#options;
    const discovery = await this.#attempt("DISCOVERY_FAILED", () => documents.discover(clock.monotonic(), signal));
    const keys = await this.#attempt("JWKS_FAILED", () => documents.fetchKeys(discovery, clock.monotonic(), signal));
    this.#noticeFaults(keys);
    this.#backOff.succeed();
    this.#loaded = this.#withTimes(keys);
    return this.#loaded;
  }

  async #attempt<T>(reason: "DISCOVERY_FAILED" | "JWKS_FAILED", fetchDocument: () => Promise<T>): Promise<T> {
    try {
      const document = await fetchDocument();
      this.#closed.signal.throwIfAborted();
      return document;
    } catch (cause) {
      const nowMs = this.#options.clock.monotonic();
      this.#backOff.fail(cause instanceof IssuerFailure ? cause.kind : "transient", nowMs);
      const retryAfterMs = this.#backOff.remainingMs(nowMs);
      const failure = new MayflyError(reason, "the issuer's keys could not be fetched", { cause, retryAfterMs });
      this.#lastFailure = failure;
      this.#noticeFailure(failure, cause);
      throw failure;
    }
  }

  #withTimes(keys: IssuerKeys): Loaded {
    const { clock, random, staleMs = STALE_MS } = this.#options;
    const nowMs = clock.monotonic();
    const seconds = Math.max(
      LEAST_FRESH_SECONDS,
      Math.min(keys.maxAgeSeconds ?? DEFAULT_FRESH_SECONDS, MOST_FRESH_SECONDS),
    );
    const freshMs = seconds * 1000 * (1 - FRESH_JITTER + 2 * FRESH_JITTER * random());
    return {
      ...keys,
      refreshFromMs: nowMs + freshMs * REFRESH_AT,
      freshUntilMs: nowMs + freshMs,
      usableUntilMs: nowMs + freshMs + staleMs,
    };
  }

  #noticeFailure({ reason, message, retryAfterMs }: MayflyError, cause: unknown): void {
    if (this.#closed.signal.aborted) return;
    const detail = cause instanceof IssuerFailure ? cause.message : "unexpected error";
    const fields = { issuer: this.#options.issuer, reason, detail, retryAfterMs: retryAfterMs ?? 0 };
    this.#options.onNotice("warn", message, fields);
  }

  /** Says what is wrong with a key set when that is not what was wrong with the one before. */
  #noticeFaults({ set: { skipped, secrets, sharedNames, keys } }: IssuerKeys): void {
    const before = this.#loaded?.set ?? { skipped: 0, secrets: 0, sharedNames: 0 };
    const { issuer, onNotice } = this.#options;
    if (skipped > 0 && (skipped !== before.skipped || secrets !== before.secrets)) {
      const fields = { issuer, skipped, secrets, used: keys.length };
      onNotice("warn", "some of the issuer's keys are not for ID tokens and are left out", fields);
    }
    if (sharedNames > 0 && sharedNames !== before.sharedNames) {
      onNotice("warn", "some of the issuer's keys share a name", { issuer, sharedNames, used: keys.length });
    }
  }
}

/** Whether keys may still serve that are not fresh any more. */
function isUsable(loaded: Loaded | undefined, nowMs: number): loaded is Loaded {
  return loaded !== undefined && nowMs < loaded.usableUntilMs;
}
