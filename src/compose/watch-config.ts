import { hash } from "node:crypto";
import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { FilesRead } from "../config/read-settings-file.ts";
import { UNREADABLE } from "../config/read-settings-file.ts";
import { startPoll } from "./start-poll.ts";
import type { Poll } from "./start-poll.ts";

/** What is watched, and what is done about it. */
export interface WatchConfigOptions {
  /** The files, with what they held when they were read last: another map after each reading. */
  readonly files: () => FilesRead;
  /** Reads them again; must not reject. */
  readonly onChange: () => Promise<void>;
  /** A second unless a test says otherwise; a change is read after two looks. */
  readonly pollMs?: number;
}

const POLL_MS = 1_000;
const MAX_BYTES = 64 * 1024 * 1024;

interface Glance {
  /** What the file system says of the file. */
  readonly state: string;
  readonly digest: string;
  /** Whether the file system said the same a look before: within one tick of its clock a file may change twice. */
  readonly isSure: boolean;
}

/** What a reading was for: what was seen, and what it took the files to hold. */
interface Answered {
  readonly seen: string;
  readonly known: FilesRead;
}

/**
 * Looks again and again whether files hold what they held: that works for files written in place, for files renamed into
 * place and for the links that Kubernetes swaps, where events do not. A change that two looks in a row saw is read, so
 * that files half written are not, and once only, whatever comes of it: what was read may never be what is seen, as of a
 * file that is too large. A reading for another reason makes every change a new one.
 */
export function watchConfig({ files, onChange, pollMs = POLL_MS }: WatchConfigOptions): Poll {
  let glances: ReadonlyMap<string, Glance> = new Map();
  let before = "";
  let answered: Answered | undefined;
  return startPoll(async () => {
    const known = files();
    const looked = await Promise.all(
      Array.from(known.keys(), async (file) => [file, await glance(file, glances.get(file))] as const),
    );
    glances = new Map(looked);
    const seen = JSON.stringify(looked.map(([file, { digest }]) => [file, digest]));
    const isSettled = seen === before;
    before = seen;
    const hasChanged = looked.some(([file, { digest }]) => digest !== known.get(file));
    const isAnswered = seen === answered?.seen && known === answered.known;
    if (!hasChanged || !isSettled || isAnswered) return;
    await onChange();
    answered = { seen, known: files() };
  }, pollMs);
}

async function glance(file: string, last: Glance | undefined): Promise<Glance> {
  const state = await stateOf(file);
  if (state === last?.state && last.isSure) return last;
  return { state, digest: await digestOf(file), isSure: state === last?.state };
}

async function stateOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch {
    return UNREADABLE;
  }
}

async function digestOf(path: string): Promise<string> {
  try {
    // Of a pipe this would otherwise wait for a writer, on one of the few threads there are.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { size } = await file.stat();
      return size > MAX_BYTES ? UNREADABLE : hash("sha256", await file.readFile(), "hex");
    } finally {
      await file.close();
    }
  } catch {
    return UNREADABLE;
  }
}
