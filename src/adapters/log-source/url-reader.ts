import type { Agent } from "node:http";
import { Agent as HttpAgent } from "../../node-http.ts";
import { Agent as HttpsAgent } from "node:https";
import { setTimeout as pauseFor } from "node:timers/promises";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { MayflyError } from "../../core/errors.ts";
import { exchange, type Answer } from "./exchange.ts";
import { inflate } from "./inflate.ts";
import { makePlaces } from "./places.ts";
import { redirectTarget } from "./redirect-target.ts";
import { retryAfterOf } from "./retry-after.ts";
import { sourceInvalid, sourceUnavailable } from "./source-failure.ts";
import type { SourceOptions } from "./source-options.ts";

const MOST_REQUESTS_AT_ONCE = 8;
const MOST_REDIRECTS = 3;
const FIRST_PAUSE_MS = 500;

/** Reads what lies below one URL, from a server that may be slow, busy, broken or hostile. */
export interface UrlReader {
  /** Ends in a slash. */
  readonly base: URL;
  /**
   * @param path below the base, with its query; what comes is bounded by `maxBytes`, and again what it inflates to
   * @returns undefined when the server says that there is no such thing
   * @throws MayflyError `log_failed` (SOURCE_UNAVAILABLE, SOURCE_INVALID), its message names the URL
   */
  get(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/**
 * Opens a reader of what lies below a URL. At most 8 requests are under way; what may pass (429, 5xx, a connection that
 * breaks, a body that is cut short) is tried again after pauses that double, or that the server asks for. Redirects are
 * followed within the host, a few. No proxy of the environment is used.
 *
 * @param prefix http or https, without credentials, query or fragment
 * @throws MayflyError `log_failed` (SOURCE_INVALID) when it is no such URL
 */
export function openUrlReader(prefix: string, options: SourceOptions = {}): UrlReader {
  const base = parsePrefix(prefix);
  const pool = { keepAlive: true, maxSockets: MOST_REQUESTS_AT_ONCE };
  const agents = { http: new HttpAgent(pool), https: new HttpsAgent(pool) };
  const closed = new AbortController();
  const runInPlace = makePlaces(MOST_REQUESTS_AT_ONCE);
  const attempt = new Attempts(agents, options, closed.signal);
  return {
    base,
    get: (path, maxBytes) => runInPlace(() => attempt.get(new URL(path, base), maxBytes)),
    close: () => {
      closed.abort(new Error("the source was closed"));
      agents.http.destroy();
      agents.https.destroy();
      return Promise.resolve();
    },
  };
}

function parsePrefix(prefix: string): URL {
  const url = URL.parse(prefix);
  if (url === null || !/^https?:$/u.test(url.protocol)) throw sourceInvalid(prefix, "is no http or https URL");
  // Not repeated in the message: it may be a password.
  if (url.username !== "" || url.password !== "") throw sourceInvalid("a log's URL", "has no credentials in it");
  if (url.search !== "" || url.hash !== "") throw sourceInvalid(prefix, "is a prefix, without query and fragment");
  url.pathname = `${url.pathname.replace(/\/+$/u, "")}/`;
  return url;
}

interface Agents {
  readonly http: Agent;
  readonly https: HttpsAgent;
}

/** Sends a request again until it is answered for good. */
class Attempts {
  readonly #agents: Agents;
  readonly #signal: AbortSignal;
  readonly #secureContext: SecureContext | undefined;
  readonly #limits: Required<Omit<SourceOptions, "caCertificatePem">>;

  constructor(agents: Agents, options: SourceOptions, signal: AbortSignal) {
    const { caCertificatePem, ...limits } = options;
    this.#agents = agents;
    this.#signal = signal;
    this.#secureContext =
      caCertificatePem === undefined
        ? undefined
        : createSecureContext({ ca: [...getCACertificates("default"), caCertificatePem] });
    this.#limits = { attempts: 5, idleMs: 10_000, requestMs: 60_000, longestPauseMs: 60_000, pause, ...limits };
  }

  async get(url: URL, maxBytes: number): Promise<Uint8Array | undefined> {
    for (let failures = 1; ; failures++) {
      const outcome = await this.#follow(url, maxBytes);
      if (!("failure" in outcome)) return outcome.body;
      const pauseMs = outcome.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (failures - 1);
      if (failures >= this.#limits.attempts || pauseMs > this.#limits.longestPauseMs || this.#signal.aborted) {
        throw outcome.failure;
      }
      await this.#limits.pause(pauseMs, this.#signal).catch(() => {
        throw outcome.failure;
      });
    }
  }

  /** One attempt, with its redirects. */
  async #follow(url: URL, maxBytes: number): Promise<Outcome> {
    let at = url;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const answer = await this.#exchange(at, maxBytes);
      if ("failure" in answer) return answer;
      const { status, headers } = answer;
      if (status === 200) return { body: await this.#decode(at, answer, maxBytes) };
      if (isAbsent(status)) return { body: undefined };
      if (isTransient(status)) {
        const retryAfterMs = retryAfterOf(headers["retry-after"], headers.date);
        return { failure: busy(at, status, retryAfterMs), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
      }
      at = redirectTarget(at, answer);
    }
    throw sourceInvalid(url.href, "is redirected too often");
  }

  async #exchange(url: URL, maxBytes: number): Promise<Answer | Failed> {
    const { idleMs, requestMs } = this.#limits;
    const agent = url.protocol === "https:" ? this.#agents.https : this.#agents.http;
    const bounds = { idleMs, requestMs, maxBytes, signal: this.#signal, secureContext: this.#secureContext };
    try {
      return await exchange(url, { agent, ...bounds });
    } catch (cause) {
      if (cause instanceof MayflyError) throw cause;
      return { failure: sourceUnavailable(url.href, "cannot be read", cause) };
    }
  }

  #decode(url: URL, { headers, body }: Answer, maxBytes: number): Promise<Uint8Array> | Uint8Array {
    const coding = headers["content-encoding"]?.toLowerCase() ?? "identity";
    if (coding === "identity" || coding === "") return body;
    if (coding === "gzip" || coding === "x-gzip") return inflate(url.href, body, maxBytes);
    throw sourceInvalid(url.href, "came in a content coding that was not asked for");
  }
}

interface Failed {
  readonly failure: MayflyError;
  readonly retryAfterMs?: number;
}

type Outcome = { readonly body: Uint8Array | undefined } | Failed;

const pause = (ms: number, signal: AbortSignal): Promise<unknown> => pauseFor(ms, undefined, { signal });

/** Object stores answer 403 for what is not there to those who may not list it. */
const isAbsent = (status: number): boolean => status === 404 || status === 410 || status === 403;

const isTransient = (status: number): boolean => status === 429 || (status >= 500 && status <= 599);

function busy(url: URL, status: number, retryAfterMs: number | undefined): MayflyError {
  const options = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new MayflyError("SOURCE_UNAVAILABLE", `${url.href} is answered with status ${status}`, options);
}
