import { hashOfFullTile, TILE_WIDTH } from "../core/merkle/tile.ts";
import { HASH_LENGTH, leafHash } from "../core/merkle/tree.ts";
import { leafInputOfView, viewTileLeaf, type TileLeafView } from "../core/ct/tile-leaf-view.ts";
import { decodeCtExtensions } from "../core/ct/ct-extensions.ts";
import { DerError } from "../core/encoding/der-reader.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { entryAt, type EntryPart, type PartVerdict } from "../tlog/entry-part.ts";
import type { LogProblem } from "../tlog/log-problem.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { submissionKey } from "./submission-key.ts";
import { verifyEntryCertificate } from "./verify-entry-certificate.ts";

/**
 * What kind of log the entries are of. Mayfly's own has nothing but precertificates and knows each submission; any other
 * log may have certificates too, and one of RFC 6962 entries that do not name their index.
 */
export type LogKind = "mayfly" | "static-ct" | "rfc6962";

/** Judges the entries of a part, given the certificates that they refer to. */
export type JudgeEntries = (part: EntryPart, certificates: readonly Uint8Array[]) => PartVerdict;

/**
 * Makes what judges entries of a certificate log (C2SP static-ct-api). The tree commits to the logged TBS or certificate
 * only; that the stored precertificate is the one of that TBS, and that it or the certificate was signed by the first of
 * its chain, is checked here. Its answer depends on its arguments alone; keys of certificates that were seen are kept.
 */
export function makeJudgeEntries(kind: LogKind): JudgeEntries {
  const issuerKeys = new IssuerKeys();
  return (part, certificates) => {
    issuerKeys.learn(certificates);
    const judgement = new Judgement(kind, issuerKeys, part);
    for (let at = 0; at < part.ends.length; at++) judgement.judge(at);
    return judgement.verdict();
  };
}

class Judgement {
  readonly #kind: LogKind;
  readonly #issuerKeys: IssuerKeys;
  readonly #part: EntryPart;
  readonly #leafHashes: Uint8Array<ArrayBuffer>;
  readonly #timesMs: Float64Array<ArrayBuffer>;
  readonly #submissionKeys: Uint8Array<ArrayBuffer>;
  readonly #problems: LogProblem[] = [];
  #read = 0;

  constructor(kind: LogKind, issuerKeys: IssuerKeys, part: EntryPart) {
    const count = part.ends.length;
    this.#kind = kind;
    this.#issuerKeys = issuerKeys;
    this.#part = part;
    this.#leafHashes = new Uint8Array(count * HASH_LENGTH);
    this.#timesMs = new Float64Array(count).fill(NaN);
    this.#submissionKeys = new Uint8Array(kind === "mayfly" ? count * HASH_LENGTH : 0);
  }

  judge(at: number): void {
    const stored = entryAt(this.#part, at);
    if (stored === undefined) return;
    this.#noteProblem(at, () => {
      this.#judgeStored(stored, at);
    });
  }

  verdict(): PartVerdict {
    const isFull = this.#read === TILE_WIDTH;
    return {
      leafHashes: this.#leafHashes,
      tileHash: isFull ? hashOfFullTile(this.#leafHashes) : undefined,
      timesMs: this.#timesMs,
      submissionKeys: this.#submissionKeys,
      problems: this.#problems,
    };
  }

  #judgeStored(stored: Uint8Array, at: number): void {
    const leaf = readLeaf(stored);
    if (this.#kind === "mayfly" && leaf.signedEntry.kind !== "precert_entry") {
      throw new MayflyError("LOG_CORRUPT", "is no precertificate");
    }
    const index = this.#part.start + at;
    const statedIndex = readIndex(leaf);
    if (statedIndex === undefined ? this.#kind !== "rfc6962" : statedIndex !== index) {
      throw new MayflyError("LOG_CORRUPT", `says that it is entry ${statedIndex ?? "none"}`);
    }
    this.#noteSubmission(leaf, at);
    this.#leafHashes.set(leafHash(leafInputOfView(leaf)), at * HASH_LENGTH);
    this.#timesMs[at] = leaf.timestampMs;
    this.#read += 1;
    verifyEntryCertificate(leaf, this.#issuerKeys);
  }

  #noteSubmission({ signedEntry }: TileLeafView, at: number): void {
    if (this.#kind !== "mayfly" || signedEntry.kind !== "precert_entry") return;
    try {
      this.#submissionKeys.set(submissionKey(signedEntry), at * HASH_LENGTH);
    } catch (cause) {
      if (!(cause instanceof DerError)) throw cause;
      throw new MayflyError("LOG_CORRUPT", "its TBS is no DER", { cause });
    }
  }

  #noteProblem(at: number, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof MayflyError)) throw error;
      this.#problems.push({ where: `entry ${this.#part.start + at}`, what: describeCauses(error) });
    }
  }
}

function readLeaf(stored: Uint8Array): TileLeafView {
  try {
    return viewTileLeaf(stored);
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "is no entry of a certificate log", { cause });
  }
}

function readIndex({ extensions }: TileLeafView): number | undefined {
  try {
    return decodeCtExtensions(extensions);
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "has extensions that cannot be read", { cause });
  }
}
