import { readFreeBytes } from "../adapters/data-directory/free-space.ts";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses } from "../core/errors.ts";
import type { Sample } from "../core/readiness/judge-sample.ts";
import { startPoll } from "./start-poll.ts";
import type { Poll } from "./start-poll.ts";

/** How free space is watched. */
export interface WatchFreeSpaceOptions {
  readonly telemetry: Pick<ProcessTelemetry, "notice">;
  /** Free bytes of a directory's file system; asks the operating system when left out. */
  readonly read?: (directory: string) => Promise<number>;
  /** Two seconds unless a test says otherwise. */
  readonly lookMs?: number;
}

/** The free space of the data directory's file system, as of the last look. */
export interface WatchedFreeSpace {
  /** Bytes; undefined when the operating system does not tell. */
  readonly freeBytes: number | undefined;
  /** What is wrong with it, if there must be some. */
  problem(): Sample;
  /** Looks now; never rejects. */
  look(): Promise<void>;
  close(): void;
}

const MIB = 1_048_576;
const DEFAULT_MIN_FREE_MIB = 512;
const LOOK_MS = 2_000;

type SpaceSettings = Pick<Config, "dataDirectory" | "environment" | "limits">;

/**
 * Watches the space that log and audit trail have left. Where a developer's disk is nearly full nothing must fail over it,
 * so in development there is no minimum unless one is set, only a line at the start.
 */
export async function watchFreeSpace(config: SpaceSettings, options: WatchFreeSpaceOptions): Promise<WatchedFreeSpace> {
  const watched = new PolledFreeSpace(config, options);
  await watched.look();
  const freeMiB = Math.floor((watched.freeBytes ?? Infinity) / MIB);
  if (minFreeMiB(config) === 0 && freeMiB < DEFAULT_MIN_FREE_MIB) {
    options.telemetry.notice("warn", "little free space for the data directory", { freeMiB });
  }
  return watched;
}

/** 0 for none. */
function minFreeMiB({ environment, limits }: SpaceSettings): number {
  return limits.minFreeDiskMiB ?? (environment === "development" ? 0 : DEFAULT_MIN_FREE_MIB);
}

class PolledFreeSpace implements WatchedFreeSpace {
  readonly #directory: string;
  readonly #minMiB: number;
  readonly #read: (directory: string) => Promise<number>;
  readonly #poll: Poll;
  #seen: { readonly freeBytes: number } | { readonly failure: string } = { failure: "not looked at yet" };

  constructor(config: SpaceSettings, { read = readFreeBytes, lookMs = LOOK_MS }: WatchFreeSpaceOptions) {
    this.#directory = config.dataDirectory;
    this.#minMiB = minFreeMiB(config);
    this.#read = read;
    this.#poll = startPoll(() => this.#look(), lookMs);
  }

  get freeBytes(): number | undefined {
    return "freeBytes" in this.#seen ? this.#seen.freeBytes : undefined;
  }

  problem(): Sample {
    if (this.#minMiB === 0) return undefined;
    if ("failure" in this.#seen) return `free space is not known: ${this.#seen.failure}`;
    const freeMiB = Math.floor(this.#seen.freeBytes / MIB);
    return freeMiB < this.#minMiB ? `${freeMiB} MiB free, of at least ${this.#minMiB}` : undefined;
  }

  look(): Promise<void> {
    return this.#poll.look();
  }

  close(): void {
    this.#poll.close();
  }

  async #look(): Promise<void> {
    try {
      this.#seen = { freeBytes: await this.#read(this.#directory) };
    } catch (error) {
      this.#seen = { failure: describeCauses(error) };
    }
  }
}
