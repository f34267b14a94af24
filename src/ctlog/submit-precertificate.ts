import { encodeTbs } from "../core/certificate/encode-tbs.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import { decodeCtExtensions, encodeCtExtensions } from "../core/ct/ct-extensions.ts";
import type { SignedEntry, TimestampedEntry } from "../core/ct/log-entry.ts";
import { parseLogKey, type LogKey } from "../core/ct/log-key.ts";
import { sctSigningInput, verifySct, type SignedCertificateTimestamp } from "../core/ct/sct.ts";
import { decodeTileLeaf, encodeEntry } from "../core/ct/static-entry.ts";
import { MayflyError } from "../core/errors.ts";
import type { CertificateLog } from "../ports/certificate-log.ts";
import type { LogStore, StoredIssuer } from "../ports/log-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { Signer } from "../ports/signer.ts";
import type { Sequencer } from "../tlog/sequencer.ts";
import { windowRefusal, type AcceptanceWindow } from "./acceptance-window.ts";
import { submissionKey } from "./submission-key.ts";

/** What a log of certificates is made of. */
export interface CertificateLogOptions {
  readonly sequencer: Pick<Sequencer, "append" | "requireOpen">;
  /** The store that the sequencer writes to. */
  readonly store: LogStore;
  /** The log's P-256 key. */
  readonly logSigner: Signer;
  /** The other key that the sequencer's checkpoints need. */
  readonly checkpointSigner?: Pick<Signer, "service">;
  /** Times that SCTs may carry, by the clock of the sequencer; any when left out. */
  readonly during?: { readonly window: AcceptanceWindow; readonly clock: Pick<Clock, "now"> };
}

type PrecertEntry = Extract<SignedEntry, { readonly kind: "precert_entry" }>;

/**
 * Opens the embedded log to issuance. Submitting one precertificate twice gives the same index and time.
 *
 * @throws MayflyError `log_failed` (LOG_WRONG_KEY) unless the signer holds the key that the log was made with
 */
export async function openCertificateLog(options: CertificateLogOptions): Promise<CertificateLog> {
  const { sequencer, store, logSigner, checkpointSigner, during } = options;
  const logKey = parseLogKey(logSigner.publicKey);
  const { logId } = await store.manifest();
  if (Buffer.compare(logId, logKey.logId) !== 0) {
    throw new MayflyError("LOG_WRONG_KEY", "the log was made with another key than the signer's");
  }
  const issuersOf = makeIssuersOf();
  const requireWindow = (timestampMs: number): void => {
    const refusal = during === undefined ? undefined : windowRefusal(during.window, timestampMs);
    if (refusal !== undefined) throw refusal;
  };
  return {
    requireOpen: () => {
      if (during !== undefined) requireWindow(during.clock.now());
      logSigner.service?.requireOpen();
      checkpointSigner?.service?.requireOpen();
      sequencer.requireOpen();
    },
    add: async ({ encoded, der }) => {
      const { issuer } = encoded.template;
      const signedEntry: PrecertEntry = {
        kind: "precert_entry",
        issuerKeyHash: issuer.issuerKeyHash,
        tbsCertificate: encodeTbs(encoded, { kind: "none" }),
      };
      const appended = await sequencer.append({
        submissionKey: submissionKey(signedEntry),
        issuers: issuersOf(issuer),
        encode: (index, timestampMs) => {
          // Now that its time is known: the window may have ended since it was asked for.
          requireWindow(timestampMs);
          return encodeEntry({
            timestampedEntry: { timestampMs, signedEntry, extensions: encodeCtExtensions(index) },
            preCertificate: der,
            certificateChain: issuer.fingerprints,
          });
        },
      });
      const { index } = appended;
      const timestampMs = appended.duplicate ? await storedTime(store, index, signedEntry) : appended.timestampMs;
      return signSct(logSigner, logKey, { timestampMs, signedEntry, extensions: encodeCtExtensions(index) });
    },
  };
}

/** A CA's certificates as the log stores them: the same objects for the same chain, so that they are written once. */
function makeIssuersOf(): (chain: IssuerChain) => readonly StoredIssuer[] {
  const known = new WeakMap<IssuerChain, readonly StoredIssuer[]>();
  return (chain) => {
    const issuers = known.get(chain) ?? storedIssuers(chain);
    known.set(chain, issuers);
    return issuers;
  };
}

function storedIssuers({ certificates, fingerprints }: IssuerChain): readonly StoredIssuer[] {
  return certificates.map((der, at) => {
    const fingerprint = fingerprints[at];
    if (fingerprint === undefined) throw new TypeError("a certificate of the issuer chain has no fingerprint");
    return { fingerprint, der };
  });
}

/** When an entry was logged, after making sure that it is the submitted one. */
async function storedTime(store: LogStore, index: number, submitted: PrecertEntry): Promise<number> {
  const [stored] = await (await store.snapshot()).entries(index, index + 1);
  if (stored === undefined) throw new MayflyError("LOG_CORRUPT", `entry ${index} is published but missing`);
  const { timestampedEntry } = decodeTileLeaf(stored);
  const { signedEntry, extensions, timestampMs } = timestampedEntry;
  const isSubmitted =
    signedEntry.kind === "precert_entry" &&
    Buffer.compare(signedEntry.issuerKeyHash, submitted.issuerKeyHash) === 0 &&
    Buffer.compare(signedEntry.tbsCertificate, submitted.tbsCertificate) === 0;
  if (!isSubmitted || decodeCtExtensions(extensions) !== index) {
    throw new MayflyError("LOG_CORRUPT", `entry ${index} is not the one that was submitted`);
  }
  return timestampMs;
}

/** Signs the SCT of a published entry (RFC 6962 §3.2). */
async function signSct(signer: Signer, logKey: LogKey, entry: TimestampedEntry): Promise<SignedCertificateTimestamp> {
  const { timestampMs, extensions, signedEntry } = entry;
  const leafIndex = decodeCtExtensions(extensions);
  if (leafIndex === undefined) throw new MayflyError("SCT_INVALID", "an SCT of this log names its entry");
  const signature = await signer.sign(sctSigningInput(entry));
  const sct: SignedCertificateTimestamp = { logId: logKey.logId, timestampMs, extensions, leafIndex, signature };
  // A key in this process proved itself when it was loaded; one elsewhere proves itself each time.
  if (signer.location === "remote") verifySct(sct, signedEntry, logKey);
  return sct;
}
