import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, parseJson } from "../core/encoding/json-reader.ts";
import { MayflyError } from "../core/errors.ts";
import { FORK_EVIDENCE } from "./write-fork-evidence.ts";

/**
 * Finds out which witnesses are known to have seen another log of one origin.
 *
 * @returns by the witness's name, a file that says what it has seen
 * @throws MayflyError `log_failed` (LOG_READ_FAILED) when such a file cannot be read: nobody knows then whom it is about
 */
export function readForkEvidence(dataDirectory: string, origin: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(dataDirectory).filter((each) => FORK_EVIDENCE.name.test(each))) {
    const file = join(dataDirectory, name);
    const evidence = readEvidence(file);
    if (evidence.origin === origin) found.set(evidence.witness, file);
  }
  return found;
}

/** Requests and answers of a fork, with room to spare. */
const LIMITS = { maxDepth: 4, maxMembers: 100 };

function readEvidence(file: string): { readonly origin: string; readonly witness: string } {
  try {
    const evidence = parseJson(readFileSync(file), LIMITS);
    const member = (name: string): unknown => (isJsonObject(evidence) ? evidence.get(name) : undefined);
    const [format, origin, witness] = [member("format"), member("origin"), member("witness")];
    if (format === FORK_EVIDENCE.format && typeof origin === "string" && typeof witness === "string") {
      return { origin, witness };
    }
  } catch (cause) {
    throw new MayflyError("LOG_READ_FAILED", `${file} cannot be read`, { cause });
  }
  throw new MayflyError("LOG_READ_FAILED", `${file} does not say which witness has seen which log`);
}
