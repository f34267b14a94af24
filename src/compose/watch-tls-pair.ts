import { hash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { parseTlsPair } from "../http/tls-pair.ts";
import type { TlsPair } from "../http/tls-pair.ts";
import type { TlsSource } from "../http/tls-server.ts";
import type { Clock } from "../ports/clock.ts";
import { startPoll } from "./start-poll.ts";
import type { Poll } from "./start-poll.ts";

/** Where a pair is read from. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What is told of a pair, and how often its files are looked at. */
export interface WatchOptions {
  readonly clock: Pick<Clock, "now">;
  readonly telemetry: Pick<ProcessTelemetry, "notice" | "tls">;
  /** Half a second unless a test says otherwise; a change is used after two looks, so within a second or so. */
  readonly pollMs?: number;
}

/** A pair of files whose changes are noticed. */
export interface WatchedTlsPair extends TlsSource {
  /** Looks at the files now; never rejects. */
  look(): Promise<void>;
  close(): void;
}

const POLL_MS = 500;
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads a certificate and its key, and looks again and again whether their content has changed: that works for files
 * written in place, for files renamed into place and for the links that Kubernetes swaps, where events do not. What two
 * looks in a row saw is taken, so that files half written, or only one of the two, are not. A pair that cannot be used
 * is said and counted once, and the one before stays.
 *
 * @throws MayflyError `internal` (TLS_PAIR_INVALID) when the first pair cannot be used
 */
export async function watchTlsPair(files: TlsFiles, options: WatchOptions): Promise<WatchedTlsPair> {
  const seen = await readContent(files);
  const pair = judge(seen, options.clock.now());
  return new PolledTlsPair(files, options, { pair, digest: seen.digest });
}

class PolledTlsPair implements WatchedTlsPair {
  readonly telemetry: TlsSource["telemetry"];
  readonly #files: TlsFiles;
  readonly #options: WatchOptions;
  readonly #listeners: ((pair: TlsPair) => void)[] = [];
  readonly #poll: Poll;
  #pair: TlsPair;
  /** Content that was judged last, good or bad. */
  #judged: string;
  /** Content of the look before. */
  #before: string;

  constructor(files: TlsFiles, options: WatchOptions, first: { readonly pair: TlsPair; readonly digest: string }) {
    this.#files = files;
    this.#options = options;
    this.telemetry = options.telemetry.tls;
    this.#pair = first.pair;
    this.#judged = first.digest;
    this.#before = first.digest;
    this.#tellOf(first.pair);
    this.#poll = startPoll(() => this.#look(), options.pollMs ?? POLL_MS);
  }

  get pair(): TlsPair {
    return this.#pair;
  }

  onChange(use: (pair: TlsPair) => void): void {
    this.#listeners.push(use);
  }

  look(): Promise<void> {
    return this.#poll.look();
  }

  close(): void {
    this.#poll.close();
  }

  async #look(): Promise<void> {
    const seen = await readContent(this.#files);
    const isSettled = seen.digest === this.#before;
    this.#before = seen.digest;
    if (!isSettled || seen.digest === this.#judged) return;
    this.#judged = seen.digest;
    try {
      this.#pair = judge(seen, this.#options.clock.now());
    } catch (error) {
      const { telemetry } = this.#options;
      telemetry.tls.pairRefused();
      telemetry.notice("error", "TLS certificate refused; the one before stays in use", {
        error: describeCauses(error),
        inUse: this.#pair.fingerprint,
      });
      return;
    }
    for (const use of this.#listeners) use(this.#pair);
    this.#tellOf(this.#pair);
  }

  #tellOf({ notAfterMs, fingerprint }: TlsPair): void {
    const { telemetry } = this.#options;
    telemetry.tls.pairLoaded(notAfterMs);
    telemetry.notice("info", "TLS certificate in use", { fingerprint, notAfter: new Date(notAfterMs).toISOString() });
  }
}

/** Two texts, or why they cannot be read; the digest tells any such content from any other. */
type Content = { readonly digest: string } & (
  { readonly certificate: string; readonly key: string } | { readonly failure: unknown }
);

async function readContent(files: TlsFiles): Promise<Content> {
  try {
    const [certificate, key] = await Promise.all([readText(files.certificate), readText(files.key)]);
    return { certificate, key, digest: hash("sha256", JSON.stringify([certificate, key]), "hex") };
  } catch (failure) {
    return { failure, digest: `unreadable: ${describeCauses(failure)}` };
  }
}

function judge(content: Content, nowMs: number): TlsPair {
  if (!("failure" in content)) return parseTlsPair(content, nowMs);
  throw new MayflyError("TLS_PAIR_INVALID", "the files cannot be read", { cause: content.failure });
}

async function readText(path: string): Promise<string> {
  // Of a pipe this would otherwise wait for a writer, on one of the few threads there are.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new MayflyError("TLS_PAIR_INVALID", `${path} is not a regular file`);
    if (stat.size > MAX_FILE_BYTES) throw new MayflyError("TLS_PAIR_INVALID", `${path} is larger than 1 MiB`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
