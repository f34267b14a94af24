import { MayflyError } from "../../src/core/errors.ts";
import type { DecodeEntry } from "../../src/tlog/verify-log.ts";
import { sha256 } from "./log-fixtures.ts";

/** Reads the entries that `makeSubmission` makes: `TEXT at INDEX, TIME ...`. */
export const decodeTextEntry: DecodeEntry = (stored, index) => {
  const found = /^(?<text>.*) at (?<index>\d+), (?<time>\d+) \.*$/u.exec(Buffer.from(stored).toString());
  if (found?.groups === undefined) throw new MayflyError("LOG_CORRUPT", "is no text entry");
  if (Number(found.groups["index"]) !== index) throw new MayflyError("LOG_CORRUPT", "is of another index");
  return {
    leafInput: stored,
    timestampMs: Number(found.groups["time"]),
    submissionKey: sha256(Buffer.from(found.groups["text"] ?? "")),
    issuers: [],
    verify: () => undefined,
  };
};
