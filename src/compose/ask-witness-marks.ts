import { systemClock } from "../adapters/clock/system-clock.ts";
import type { Config } from "../config/schema.ts";
import { MayflyError } from "../core/errors.ts";
import type { PublishedCheckpoint } from "../ports/log-store.ts";
import type { Witness } from "../ports/witness.ts";
import type { LogMark } from "../tlog/log-marks.ts";
import { askWitnessMark } from "../tlog/witness/witness-mark.ts";
import { openConfiguredWitnesses } from "./open-witnesses.ts";

/** What witnesses know of a log. */
export interface WitnessMarks {
  readonly marks: readonly LogMark[];
  /** Names of witnesses that did not say, each with why. */
  readonly silent: readonly string[];
}

/**
 * Asks every configured witness how far it has seen a log come. None of them is shown anything that it has not cosigned
 * already.
 *
 * @param checkpoint of the log, signed by it
 * @throws MayflyError `log_failed` (LOG_FORKED) when a witness has cosigned another tree of the same size
 */
export async function askWitnessMarks(
  config: Pick<Config, "log">,
  checkpoint: PublishedCheckpoint,
): Promise<WitnessMarks> {
  const witnesses = openConfiguredWitnesses(config, systemClock);
  try {
    const told = await Promise.all(witnesses.map((witness) => ask(witness, checkpoint)));
    return { marks: told.flatMap(({ marks }) => marks), silent: told.flatMap(({ silent }) => silent) };
  } finally {
    await Promise.all(witnesses.map((witness) => witness.close()));
  }
}

async function ask(witness: Witness, checkpoint: PublishedCheckpoint): Promise<WitnessMarks> {
  const where = `witness ${witness.name}`;
  const mark = await askWitnessMark(witness, checkpoint);
  switch (mark.kind) {
    case "same":
      return { marks: [{ where, size: checkpoint.size, root: checkpoint.root }], silent: [] };
    case "other-size":
      // One that has seen nothing remembers nothing: it does not tell an old copy from a new one.
      return { marks: mark.size === 0 ? [] : [{ where, size: mark.size }], silent: [] };
    case "other-tree":
      throw new MayflyError("LOG_FORKED", `${where} has cosigned another tree of ${checkpoint.size} entries`);
    case "unknown":
      return { marks: [], silent: [`${where}: ${"detail" in mark.answer ? mark.answer.detail : mark.answer.result}`] };
  }
}
