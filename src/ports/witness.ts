import type { NoteSignature } from "../core/note/signed-note.ts";

/** A checkpoint as it is shown to a witness (C2SP tlog-witness, add-checkpoint). */
export interface ShownCheckpoint {
  /** Size of the checkpoint that the witness is believed to have cosigned last; 0 for none. */
  readonly oldSize: number;
  /** Consistency proof from `oldSize` to the checkpoint, at most 63 hashes of 32 bytes; none from 0 (RFC 6962 §2.1.2). */
  readonly proof: readonly Uint8Array[];
  /** The checkpoint, a signed note. */
  readonly note: string;
}

/** What passed between log and witness, for whoever has to judge it later. */
export interface WitnessExchange {
  /** Body of the request. */
  readonly request: string;
  /** Status and beginning of the body of the answer; undefined when there was none. */
  readonly response: { readonly status: number; readonly body: string } | undefined;
}

/** Every way in which a witness answers, or does not. */
export const WITNESS_RESULTS = [
  "cosigned",
  "conflict",
  "inconsistent",
  "unknown-log",
  "signature-refused",
  "request-refused",
  "unavailable",
  "invalid",
] as const;

/** How a witness answered. */
export type WitnessResult = (typeof WITNESS_RESULTS)[number];

/** What a witness says to a checkpoint. */
export type WitnessAnswer = WitnessExchange &
  (
    | {
        readonly result: "cosigned";
        /** A verified cosignature over the checkpoint's text. */
        readonly cosignature: NoteSignature;
        /** Time in the cosignature, seconds since the Unix epoch. */
        readonly timestampSeconds: number;
      }
    /** It has cosigned a checkpoint of another size, or of this size with another root; it need not say its size then. */
    | { readonly result: "conflict"; readonly size: number | undefined }
    /** The proof does not lead from what it has cosigned to this checkpoint. */
    | { readonly result: "inconsistent" }
    | {
        /**
         * It does not know the log; takes no key of the log; calls the request malformed or refuses it otherwise; could not
         * be reached, or not now; or answered what is no answer.
         */
        readonly result: "unknown-log" | "signature-refused" | "request-refused" | "unavailable" | "invalid";
        readonly detail: string;
      }
  );

/** Somebody outside who cosigns checkpoints of a log, each only if it continues the one before. */
export interface Witness {
  /** Name in its key and on its cosignatures. */
  readonly name: string;
  /** Shows it a checkpoint. Bounded in time; never rejects for what a witness or the network does. */
  addCheckpoint(checkpoint: ShownCheckpoint): Promise<WitnessAnswer>;
  /** Verifies a cosignature of this witness that was kept over the text of a checkpoint, whatever its time. */
  hasCosigned(text: string, cosignature: NoteSignature): boolean;
  /** Ends what is under way. */
  close(): Promise<void>;
}
