import { join } from "node:path";
import { encodeBase64 } from "../core/encoding/base64.ts";
import type { WitnessFork } from "../tlog/witness/ask-witness.ts";
import { writeNewFile } from "./write-new-file.ts";

/** What files about forks are called, and what each of them says first. */
export const FORK_EVIDENCE = { name: /^fork-.*\.json$/u, format: "mayfly-fork/1" } as const;

/** Where and when a fork was found. */
export interface ForkFinding {
  readonly dataDirectory: string;
  readonly origin: string;
  readonly foundMs: number;
}

/**
 * Writes what a witness was shown and what it answered into a file of its own in the data directory: whoever looks into a
 * fork needs both, byte for byte.
 *
 * @returns the file
 * @throws MayflyError `internal` (FILE_NOT_WRITTEN)
 */
export function writeForkEvidence(fork: WitnessFork, { dataDirectory, origin, foundMs }: ForkFinding): string {
  const { witness, kind, detail, oldSize, witnessSize, head, answer } = fork;
  const found = new Date(foundMs).toISOString();
  const name = `fork-${found.replaceAll(/[-:]|\.\d+/gu, "")}-${witness.replaceAll(/[^A-Za-z0-9.-]/gu, "_")}.json`;
  const file = join(dataDirectory, name);
  const { request, response, result } = answer;
  const evidence = {
    format: FORK_EVIDENCE.format,
    found,
    origin,
    witness,
    kind,
    detail,
    oldSize,
    witnessSize,
    committed: { size: head.size, root: encodeBase64(head.root) },
    result,
    request,
    response,
  };
  writeNewFile(file, `${JSON.stringify(evidence, null, 2)}\n`);
  return file;
}
