import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { MayflyError } from "../core/errors.ts";
import {
  encodeVerificationState,
  decodeVerificationState,
  type VerificationState,
} from "../ctlog/verification-state.ts";

/**
 * Reads the state that an earlier verification left.
 *
 * @returns undefined when there is no such file
 * @throws MayflyError `log_failed` (VERIFY_STATE_INVALID) when it is none, or cannot be read
 */
export async function readVerificationState(path: string): Promise<VerificationState | undefined> {
  const text = await readFile(path).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new MayflyError("VERIFY_STATE_INVALID", `cannot read ${path}`, { cause });
  });
  if (text === undefined) return undefined;
  try {
    return decodeVerificationState(text);
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    throw new MayflyError("VERIFY_STATE_INVALID", `${path} cannot be gone on from; remove it to begin anew`, { cause });
  }
}

/**
 * Replaces the state in one step: whoever reads finds the old one or the new one, also after a crash.
 *
 * @throws MayflyError `internal` (FILE_NOT_WRITTEN)
 */
export async function writeVerificationState(path: string, state: VerificationState): Promise<void> {
  await replaceFile(path, encodeVerificationState(state));
}

/**
 * Keeps the notes of two checkpoints that do not fit together beside the state, each in a file that says which tree it is
 * of. They are signed: whoever has the log's key can see for themselves.
 *
 * @returns the files
 * @throws MayflyError `internal` (FILE_NOT_WRITTEN)
 */
export async function writeEvidence(
  path: string,
  checkpoints: readonly Pick<VerificationState["checkpoint"], "size" | "root" | "note">[],
): Promise<readonly string[]> {
  const files: string[] = [];
  for (const { size, root, note } of checkpoints) {
    const file = `${path}.evidence-${size}-${Buffer.from(root).toString("hex").slice(0, 16)}.note`;
    await replaceFile(file, note);
    files.push(file);
  }
  return files;
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeDurably(temporary, content);
    await rename(temporary, path);
    await using folder = await open(dirname(path), "r");
    await folder.sync();
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new MayflyError("FILE_NOT_WRITTEN", `${path} was not written`, { cause });
  }
}

async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(content);
  await file.sync();
}
