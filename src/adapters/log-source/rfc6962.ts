import { decodeExtraData } from "../../core/ct/decode-extra-data.ts";
import { decodeMerkleTreeLeaf } from "../../core/ct/log-entry.ts";
import { noteOfSignedTreeHead } from "../../core/ct/signed-tree-head.ts";
import { encodeTileLeaf } from "../../core/ct/static-entry.ts";
import { PresentationError } from "../../core/encoding/tls-presentation.ts";
import { formatSignedNote, isKeyName } from "../../core/note/signed-note.ts";
import type { LogSource } from "../../ports/log-source.ts";
import { BoundedIssuers } from "./bounded-issuers.ts";
import { AnswerError, parseEntries, parseTreeHead, type PageEntry } from "./rfc6962-answers.ts";
import { sourceInvalid } from "./source-failure.ts";
import { MAX_ENTRIES_BYTES, MAX_NOTE_BYTES, type SourceOptions } from "./source-options.ts";
import { openUrlReader, type UrlReader } from "./url-reader.ts";

/** What an RFC 6962 log's own answers do not say about it. */
export interface Rfc6962LogName {
  /** SHA-256 of the DER SubjectPublicKeyInfo of the log's key, 32 bytes (RFC 6962 §3.2). */
  readonly logId: Uint8Array;
  /** What its checkpoints are called; its URL without scheme and trailing slash when left out (C2SP static-ct-api). */
  readonly origin?: string;
}

/** How many entries are asked for at once, at most; logs grant what they like. */
const PAGE_ENTRIES = 1024;

/** As many fingerprints as a TileLeaf has room for (C2SP static-ct-api). */
const MOST_CERTIFICATES = 2047;

/**
 * Opens a log that answers RFC 6962 §4. Nothing is read yet.
 *
 * @param url what comes before `/ct/v1/`
 * @throws MayflyError `log_failed` (SOURCE_INVALID) for a URL that is none, or no name for a log
 */
export function openRfc6962Source(url: string, log: Rfc6962LogName, options: SourceOptions = {}): LogSource {
  return new Rfc6962Source(openUrlReader(url, options), log);
}

class Rfc6962Source implements LogSource {
  readonly location: string;
  readonly #reader: UrlReader;
  readonly #origin: string;
  readonly #logId: Uint8Array;
  readonly #issuers = new BoundedIssuers();

  constructor(reader: UrlReader, { logId, origin }: Rfc6962LogName) {
    this.location = reader.base.href;
    this.#reader = reader;
    this.#origin = origin ?? originOfUrl(reader.base);
    if (!isKeyName(this.#origin)) throw sourceInvalid(this.location, "needs an origin: its URL cannot name a key");
    this.#logId = logId;
  }

  async checkpoint(): Promise<Uint8Array> {
    const treeHead = await this.#ask("ct/v1/get-sth", MAX_NOTE_BYTES, parseTreeHead);
    return Buffer.from(formatSignedNote(noteOfSignedTreeHead(treeHead, this.#origin, this.#logId)));
  }

  tile(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async entries(start: number, end: number): Promise<readonly Uint8Array[]> {
    const last = Math.min(end, start + PAGE_ENTRIES) - 1;
    const path = `ct/v1/get-entries?start=${start}&end=${last}`;
    return this.#ask(path, MAX_ENTRIES_BYTES, (body) => {
      const page = parseEntries(body);
      if (page.length === 0) throw new AnswerError("has no entries");
      if (page.length > last - start + 1) throw new AnswerError(`has ${page.length} entries`);
      return page.map((entry, at) => this.#tileLeaf(entry, start + at));
    });
  }

  /** Asks and reads the answer; whatever is wrong with it is told with its URL. */
  async #ask<T>(path: string, maxBytes: number, read: (body: Uint8Array) => T): Promise<T> {
    const body = await this.#reader.get(path, maxBytes);
    if (body === undefined) throw sourceInvalid(this.location, `has no ${path}`);
    try {
      return read(body);
    } catch (cause) {
      if (!(cause instanceof AnswerError) && !(cause instanceof PresentationError)) throw cause;
      throw sourceInvalid(`${this.location}${path}`, `answers wrongly: ${cause.message}`, cause);
    }
  }

  #tileLeaf({ leafInput, extraData }: PageEntry, index: number): Uint8Array {
    try {
      const timestampedEntry = decodeMerkleTreeLeaf(leafInput);
      const { chain, ...rest } = decodeExtraData(timestampedEntry.signedEntry.kind, extraData);
      if (chain.length > MOST_CERTIFICATES) throw new AnswerError(`entry ${index}: a chain of ${chain.length}`);
      const certificateChain = chain.map((der) => this.#issuers.add(der));
      return encodeTileLeaf({ timestampedEntry, certificateChain, ...rest });
    } catch (cause) {
      if (!(cause instanceof PresentationError)) throw cause;
      throw new AnswerError(`entry ${index}: ${cause.message}`, { cause });
    }
  }

  /** From the chains of entries that were read; the most recent 64 MiB of them. */
  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#issuers.get(fingerprint));
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

function originOfUrl({ host, pathname }: URL): string {
  return `${host}${pathname}`.replace(/\/$/u, "");
}
