import { hash, X509Certificate } from "node:crypto";
import { decodeSctList, verifySct } from "../../../src/core/ct/sct.ts";
import { encodeMerkleTreeLeaf } from "../../../src/core/ct/log-entry.ts";
import { parseLogKey, type LogKey } from "../../../src/core/ct/log-key.ts";
import { signedTreeHeadOfNote } from "../../../src/core/ct/signed-tree-head.ts";
import { parseSignedNote } from "../../../src/core/note/signed-note.ts";
import { extensionValue, SCT_LIST, tbsWithoutExtension } from "../tbs-without-extension.ts";

/** What somebody outside the process knows of one certificate, from the certificate alone. */
export interface KeptSct {
  readonly logIndex: number;
  readonly timestampMs: number;
  /** Hex; what the SCT promises to be in the tree at `logIndex` (RFC 6962 §2.1). */
  readonly leafHash: string;
  /** Hex, 40 digits. */
  readonly serialNumber: string;
}

/** A checkpoint that a reader was served. */
export interface SeenCheckpoint {
  readonly size: number;
  /** Hex. */
  readonly root: string;
  readonly timestampMs: number;
}

/** The log and the CA as the outside knows them. */
export interface Anchors {
  readonly origin: string;
  /** DER SubjectPublicKeyInfo. */
  readonly logPublicKey: Uint8Array;
  /** PEM, issuing CA first. */
  readonly chainPem: string;
}

/**
 * Keeps all that left the process: every certificate that a caller got, every checkpoint that a reader got. It believes
 * nothing that it cannot verify, and writes down what cannot both be true.
 */
export class Witness {
  /** By index. */
  readonly scts = new Map<number, KeptSct>();
  /** In the order in which they came; of two that were asked for side by side, the older one may come later. */
  readonly checkpoints: SeenCheckpoint[] = [];
  /** What the process said that no honest log says. */
  readonly lies: string[] = [];
  readonly #origin: string;
  readonly #logKey: LogKey;
  readonly #issuer: X509Certificate;
  readonly #serialNumbers = new Set<string>();
  #unread: string[] = [];
  #covered: { readonly pem: string; readonly size: number }[] = [];

  constructor({ origin, logPublicKey, chainPem }: Anchors) {
    this.#origin = origin;
    this.#logKey = parseLogKey(logPublicKey);
    this.#issuer = new X509Certificate(chainPem);
  }

  /** Takes a certificate that a caller was answered with, PEM. It is read later: callers must not wait for it. */
  certificate(pem: string): void {
    this.#unread.push(pem);
  }

  /** The newest checkpoint that came so far. */
  newest(): SeenCheckpoint | undefined {
    return this.checkpoints.toSorted((a, b) => a.timestampMs - b.timestampMs).at(-1);
  }

  /**
   * Takes a checkpoint as it was served.
   *
   * @param known the newest one when it was asked for; an older one would be a step back
   */
  checkpoint(note: string, known: SeenCheckpoint | undefined): SeenCheckpoint {
    const head = signedTreeHeadOfNote(parseSignedNote(note), { origin: this.#origin, key: this.#logKey });
    const seen = { size: head.size, root: hex(head.root), timestampMs: head.timestampMs };
    if (known !== undefined && (seen.size < known.size || seen.timestampMs < known.timestampMs)) {
      this.lies.push(`a checkpoint of ${String(seen.size)} entries after one of ${String(known.size)}`);
    }
    const isKnown = this.checkpoints.some(
      ({ size, root, timestampMs }) => timestampMs === seen.timestampMs && size === seen.size && root === seen.root,
    );
    if (isKnown) return seen;
    const same = this.checkpoints.find(({ size, root }) => size === seen.size && root !== seen.root);
    if (same !== undefined) this.lies.push(`two trees of size ${String(seen.size)} were signed`);
    this.checkpoints.push(seen);
    return seen;
  }

  /** A checkpoint that was read after a certificate was answered covers its entry. */
  mustCover(pem: string, { size }: SeenCheckpoint): void {
    this.#covered.push({ pem, size });
  }

  /** Reads the certificates that were kept since the last time. */
  read(): void {
    for (const pem of this.#unread) this.#read(new X509Certificate(pem));
    this.#unread = [];
    for (const { pem, size } of this.#covered) {
      const { logIndex } = this.#sctOf(new X509Certificate(pem));
      if (logIndex >= size) this.lies.push(`entry ${String(logIndex)} was answered before it was published`);
    }
    this.#covered = [];
  }

  #read(certificate: X509Certificate): void {
    if (!certificate.verify(this.#issuer.publicKey)) this.lies.push("a certificate was not signed by the CA");
    const sct = this.#sctOf(certificate);
    const earlier = this.scts.get(sct.logIndex);
    if (earlier !== undefined) this.lies.push(`two certificates were told of entry ${String(sct.logIndex)}`);
    if (this.#serialNumbers.has(sct.serialNumber)) this.lies.push("two certificates have one serial number");
    this.#serialNumbers.add(sct.serialNumber);
    // Of two, the earlier one stays: the log owed it first.
    if (earlier === undefined) this.scts.set(sct.logIndex, sct);
  }

  /** Takes the certificate apart with sigstore-js and verifies its SCT. */
  #sctOf({ raw, serialNumber }: X509Certificate): KeptSct {
    const list = extensionValue(raw, SCT_LIST);
    const [sct] = decodeSctList(unwrapOctetString(list));
    if (sct?.leafIndex === undefined) throw new Error("a certificate without an SCT that names its entry");
    const signedEntry = {
      kind: "precert_entry",
      issuerKeyHash: hash("sha256", this.#issuer.publicKey.export({ type: "spki", format: "der" }), "buffer"),
      tbsCertificate: tbsWithoutExtension(raw, SCT_LIST),
    } as const;
    verifySct(sct, signedEntry, this.#logKey);
    const { timestampMs, extensions, leafIndex } = sct;
    const leafInput = encodeMerkleTreeLeaf({ timestampMs, signedEntry, extensions });
    const leafHash = hash("sha256", Buffer.concat([Uint8Array.of(0), leafInput]), "hex");
    return { logIndex: leafIndex, timestampMs, leafHash, serialNumber: serialNumber.toLowerCase().padStart(40, "0") };
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Contents of one DER OCTET STRING of less than 64 KiB. */
function unwrapOctetString(der: Uint8Array): Uint8Array {
  const first = der[1] ?? 0;
  return der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}
