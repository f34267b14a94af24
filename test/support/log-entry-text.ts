import { hashOfFullTile, TILE_WIDTH } from "../../src/core/merkle/tile.ts";
import { leafHash } from "../../src/core/merkle/tree.ts";
import type { LogProblem } from "../../src/tlog/log-problem.ts";
import { entryAt, type EntryJudge, type EntryPart, type PartVerdict } from "../../src/tlog/entry-part.ts";
import { sha256 } from "./log-fixtures.ts";

const HASH_LENGTH = 32;

/** Judges the entries that `makeSubmission` makes: `TEXT at INDEX, TIME ...`. */
export const textEntryJudge: EntryJudge = {
  referencesOf: () => [],
  judge: (part) => Promise.resolve(judgeTexts(part)),
};

function judgeTexts(part: EntryPart): PartVerdict {
  const count = part.ends.length;
  const leafHashes = new Uint8Array(count * HASH_LENGTH);
  const submissionKeys = new Uint8Array(count * HASH_LENGTH);
  const timesMs = new Float64Array(count).fill(NaN);
  const problems: LogProblem[] = [];
  for (let at = 0; at < count; at++) {
    const stored = entryAt(part, at);
    if (stored === undefined) continue;
    const where = `entry ${part.start + at}`;
    const found = /^(?<text>.*) at (?<index>\d+), (?<time>\d+) \.*$/u.exec(Buffer.from(stored).toString());
    if (found?.groups === undefined) problems.push({ where, what: "is no text entry" });
    else if (Number(found.groups["index"]) !== part.start + at) problems.push({ where, what: "is of another index" });
    else {
      leafHashes.set(leafHash(stored), at * HASH_LENGTH);
      submissionKeys.set(sha256(Buffer.from(found.groups["text"] ?? "")), at * HASH_LENGTH);
      timesMs[at] = Number(found.groups["time"]);
    }
  }
  const isFull = count === TILE_WIDTH && !timesMs.some(Number.isNaN);
  return { leafHashes, tileHash: isFull ? hashOfFullTile(leafHashes) : undefined, timesMs, submissionKeys, problems };
}
