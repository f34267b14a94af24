import fc from "fast-check";
import type { SignedEntry, TimestampedEntry } from "../../src/core/ct/log-entry.ts";
import type { TileLeaf } from "../../src/core/ct/static-entry.ts";

const der = fc.uint8Array({ minLength: 1, maxLength: 300 });
const sha256 = fc.uint8Array({ minLength: 32, maxLength: 32 });

const signedEntry: fc.Arbitrary<SignedEntry> = fc.oneof(
  fc.record({ kind: fc.constant("x509_entry" as const), certificate: der }),
  fc.record({ kind: fc.constant("precert_entry" as const), issuerKeyHash: sha256, tbsCertificate: der }),
);

/** Any entry of a log. */
export const timestampedEntries: fc.Arbitrary<TimestampedEntry> = fc.record({
  timestampMs: fc.maxSafeNat(),
  signedEntry,
  extensions: fc.uint8Array({ maxLength: 40 }),
});

/** Any entry as a data tile holds it. */
export const tileLeaves: fc.Arbitrary<TileLeaf> = fc
  .tuple(timestampedEntries, der, fc.array(sha256, { maxLength: 4 }))
  .map(([timestampedEntry, preCertificate, certificateChain]) =>
    timestampedEntry.signedEntry.kind === "x509_entry"
      ? { timestampedEntry, certificateChain }
      : { timestampedEntry, preCertificate, certificateChain },
  );
