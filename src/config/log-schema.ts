import { z } from "zod";
import { signerSchema } from "./signer-schema.ts";
import type { SignerConfig } from "./signer-schema.ts";
import { object } from "./strict-object.ts";
import { timeSchema } from "./time-schema.ts";
import { witnessesSchema, witnessQuorumSchema } from "./witness-schema.ts";

/** Times that the SCTs of a shard may carry, milliseconds since the Unix epoch. */
export interface WindowConfig {
  /** The first of them. */
  readonly startMs: number;
  /** The first that is none of them. */
  readonly endMs: number;
}

/** What every shard has, whatever becomes of it. */
interface ShardIdentity {
  /** What metrics and log lines call it. */
  readonly name: string;
  /** Origin line of its checkpoints; its path is where the shard is served. */
  readonly origin: string;
  /** Undefined for one that takes entries at any time. */
  readonly window: WindowConfig | undefined;
  /** Folder of its database and head mark, within the data directory. */
  readonly directory: string;
  /** Where it stands in the file. */
  readonly place: readonly PropertyKey[];
}

/** A shard whose keys sign: `staged` is open and empty until it is activated, `active` issues. */
export interface SigningShardConfig extends ShardIdentity {
  readonly state: "staged" | "active";
  readonly signer: SignerConfig;
  readonly checkpointSigner: SignerConfig;
}

/** A shard that takes nothing more. Its keys are needed only while it is not frozen yet. */
export interface FrozenShardConfig extends ShardIdentity {
  readonly state: "frozen";
  readonly signer?: SignerConfig | undefined;
  readonly checkpointSigner?: SignerConfig | undefined;
}

/** One shard of the log as configured. */
export type ShardConfig = SigningShardConfig | FrozenShardConfig;

/** Each has a database and threads of its own, and its id in the first line of each audit file. */
const MAX_SHARDS = 64;

/** What metrics and log lines call the shard of a log that has only one. */
const ONLY_SHARD = "log";

/** Name of a log in checkpoints: its URL without scheme. */
export const logOrigin = z
  .string()
  .regex(
    /^[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*$/u,
    "expected the log's URL without scheme and final slash",
  )
  .refine((text) => URL.canParse(`https://${text}`), "no such host or port can exist")
  .describe("Origin of checkpoints: the public URL of the log's read side without scheme. Fixed by `mayfly log init`.");

const window = object({
  start: timeSchema.describe("First time that an SCT of the shard may carry."),
  end: timeSchema.describe("First time that none may carry any more."),
})
  .transform(({ start, end }): WindowConfig => Object.freeze({ startMs: Date.parse(start), endMs: Date.parse(end) }))
  .optional()
  .describe("Times that SCTs of the shard may carry; outside of them nothing is issued. Any time when left out.");

const signer = signerSchema.describe("P-256 key of the log: SCTs and tree heads.");
const checkpointSigner = signerSchema.describe("Ed25519 key of the log: checkpoints for witnesses.");

const identity = {
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?$/u, "expected a short name of lower-case letters, digits, . _ and -")
    .describe("What metrics and log lines call the shard."),
  origin: logOrigin,
  window,
  directory: z
    .string()
    .max(200)
    .regex(/^(\.|(?!\.)[A-Za-z0-9._-]+(\/(?!\.)[A-Za-z0-9._-]+)*)$/u, "expected a folder within the data directory")
    .optional()
    .describe("Folder of the shard's database within the data directory; shards/NAME when left out."),
};

const shard = z.discriminatedUnion("state", [
  object({
    ...identity,
    state: z
      .enum(["staged", "active"])
      .describe("`staged`: open, empty and readable. `active`: issues; exactly one shard does."),
    signer,
    checkpointSigner,
  }),
  object({
    ...identity,
    state: z.literal("frozen").describe("Takes nothing more, and is served for ever. Not to be undone."),
    signer: signer.optional(),
    checkpointSigner: checkpointSigner.optional(),
  }),
]);

type WrittenShard = z.output<typeof shard>;

/** What a log of one shard is written with, in the place of `shards`. */
const ONE_SHARD = ["origin", "window", "signer", "checkpointSigner"] as const;

/** The log: what all shards share, and the shards. A log that has only one is written without a list. */
export const logSchema = object({
  store: z
    .discriminatedUnion("kind", [
      object({
        kind: z.literal("sqlite"),
        allowAnyFilesystem: z
          .boolean()
          .default(false)
          .describe("Skip the check that refuses network and overlay file systems. A lost write forks the log."),
      }),
      object({ kind: z.literal("memory").describe("Forgotten at exit; development only.") }),
    ])
    .prefault({ kind: "sqlite" }),
  origin: logOrigin.optional(),
  window,
  signer: signer.optional(),
  checkpointSigner: checkpointSigner.optional(),
  shards: z
    .array(shard)
    .min(1)
    .max(MAX_SHARDS)
    .readonly()
    .optional()
    .describe("Every shard that the log has had, the frozen ones too; instead of origin, window and keys."),
  witnesses: witnessesSchema,
  witnessQuorum: witnessQuorumSchema,
})
  .meta({ oneOf: [{ required: ["origin", "signer", "checkpointSigner"] }, { required: ["shards"] }] })
  .transform((written, context) => {
    const { store, witnesses, witnessQuorum } = written;
    return Object.freeze({ store, witnesses, witnessQuorum, shards: shardsOf(written, context) });
  });

interface WrittenLog {
  readonly origin?: string | undefined;
  readonly window?: WindowConfig | undefined;
  readonly signer?: SignerConfig | undefined;
  readonly checkpointSigner?: SignerConfig | undefined;
  readonly shards?: readonly WrittenShard[] | undefined;
}

function shardsOf(written: WrittenLog, context: z.core.$RefinementCtx): readonly ShardConfig[] {
  const { shards } = written;
  if (shards === undefined) return onlyShard(written, context);
  for (const name of ONE_SHARD.filter((member) => written[member] !== undefined)) {
    context.addIssue({ code: "custom", path: [name], message: "belongs to a shard: write it within log.shards" });
  }
  return Object.freeze(shards.map((one, at) => placeShard(one, ["log", "shards", at])));
}

function onlyShard(written: WrittenLog, context: z.core.$RefinementCtx): readonly ShardConfig[] {
  const { origin: itsOrigin, window: itsWindow, signer: log, checkpointSigner: checkpoint } = written;
  if (itsOrigin === undefined || log === undefined || checkpoint === undefined) {
    for (const name of (["origin", "signer", "checkpointSigner"] as const).filter(
      (one) => written[one] === undefined,
    )) {
      context.addIssue({ code: "custom", path: [name], message: "required, unless the log is written as log.shards" });
    }
    return [];
  }
  const keys = { signer: log, checkpointSigner: checkpoint };
  const only = {
    name: ONLY_SHARD,
    state: "active",
    origin: itsOrigin,
    window: itsWindow,
    directory: ".",
    ...keys,
  } as const;
  return Object.freeze([placeShard(only, ["log"])]);
}

function placeShard(written: WrittenShard, place: readonly PropertyKey[]): ShardConfig {
  const { directory = `shards/${written.name}`, window: itsWindow } = written;
  return Object.freeze({ ...written, window: itsWindow, directory, place: Object.freeze(place) });
}
