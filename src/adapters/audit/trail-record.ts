import type { AuditOutcome } from "../../ports/audit-trail.ts";
import type { TrailPlace, TrailRecord } from "../../ports/audit-trail-reader.ts";
import { isLogId, isLogIndex, parseHighestLogIndexes } from "./highest-log-indexes.ts";

const SERIAL_NUMBER = /^[0-9a-f]{40}$/u;
const SHA256 = /^[0-9a-f]{64}$/u;
const RESULTS: ReadonlySet<unknown> = new Set<AuditOutcome["result"]>(["issued", "refused", "failed"]);

type Members = Readonly<Record<string, unknown>>;

/**
 * What a line of the trail says, as records: none for an outcome without a serial number and for a configuration, two for a
 * process that begins a file.
 *
 * @param members of a line whose place in the chain is right
 * @returns undefined when it is no line that Mayfly writes
 */
export function parseTrailRecords(members: Members, place: TrailPlace): readonly TrailRecord[] | undefined {
  const { kind } = members;
  if (kind === "intent") return parseIntent(members, place);
  if (kind === "outcome") return parseOutcome(members, place);
  if (kind === "configuration") return isConfiguration(members) ? [] : undefined;
  const file = members["file"] === undefined ? [] : parseFile(members, place);
  if (kind === "file") return file;
  const { timeMs } = members;
  if (kind !== "start" || file === undefined || !isTime(timeMs)) return undefined;
  return [...file, { kind, ...place, timeMs }];
}

function parseFile({ file, highestLogIndexes }: Members, place: TrailPlace): readonly TrailRecord[] | undefined {
  const highest = parseHighestLogIndexes(highestLogIndexes);
  return typeof file === "number" && highest !== undefined
    ? [{ kind: "file", ...place, number: file, highestLogIndexes: highest }]
    : undefined;
}

function parseIntent(
  { timeMs, serialNumber, tbsSha256 }: Members,
  place: TrailPlace,
): readonly TrailRecord[] | undefined {
  return isTime(timeMs) && isText(serialNumber, SERIAL_NUMBER) && isText(tbsSha256, SHA256)
    ? [{ kind: "intent", ...place, timeMs, serialNumber, tbsSha256 }]
    : undefined;
}

function parseOutcome(members: Members, place: TrailPlace): readonly TrailRecord[] | undefined {
  const { timeMs, result, serialNumber, logId, logIndex } = members;
  if (!isTime(timeMs) || !isResult(result)) return undefined;
  if (serialNumber === undefined && result !== "issued") return [];
  if (!isText(serialNumber, SERIAL_NUMBER)) return undefined;
  const log = isLogId(logId) ? { logId, ...(isLogIndex(logIndex) ? { logIndex } : {}) } : {};
  return [{ kind: "outcome", ...place, timeMs, result, serialNumber, ...log }];
}

const isConfiguration = ({ timeMs, configuration }: Members): boolean =>
  isTime(timeMs) && isText(configuration, SHA256);

const isTime = (value: unknown): value is number => Number.isSafeInteger(value);

const isResult = (value: unknown): value is AuditOutcome["result"] => RESULTS.has(value);

const isText = (value: unknown, pattern: RegExp): value is string => typeof value === "string" && pattern.test(value);
