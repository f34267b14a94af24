import { MayflyError } from "../core/errors.ts";
import type { PublishedCheckpoint } from "../ports/log-store.ts";
import type { OpenedLogStore } from "./open-log-store.ts";

/**
 * Keeps the last checkpoint of a frozen log outside its database, where an older copy of that cannot hide it.
 *
 * @returns the checkpoint
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED) where it cannot be kept, LOG_CORRUPT where there is none
 */
export async function keepFinalCheckpoint({ store, finalMark }: OpenedLogStore): Promise<PublishedCheckpoint> {
  const final = await store.published();
  if (final === undefined) throw new MayflyError("LOG_CORRUPT", "a frozen log has published nothing");
  if (finalMark === undefined || (await finalMark.read()) !== undefined) return final;
  finalMark.advance(final);
  await finalMark.flush();
  const cause = finalMark.failure();
  if (cause !== undefined) throw new MayflyError("LOG_WRITE_FAILED", "the final checkpoint is not kept", { cause });
  return final;
}
