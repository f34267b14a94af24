import type { EntryJudge } from "../tlog/entry-part.ts";
import { makeJudgeEntries, type LogKind } from "./judge-entries.ts";
import { referencedIssuers } from "./referenced-issuers.ts";

/** Makes a judge of a certificate log's entries that works in this thread. */
export function makeEntryJudge(kind: LogKind): EntryJudge {
  const judge = makeJudgeEntries(kind);
  return {
    referencesOf: referencedIssuers,
    judge: (part, certificates) => Promise.resolve(judge(part, certificates)),
  };
}
