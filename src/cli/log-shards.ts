import { Command, Option } from "commander";
import { describeShards, type DescribedLog, type DescribedShard } from "../compose/describe-shards.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandContext } from "./context.ts";
import { configOption } from "./required-option.ts";

interface LogShardsOptions {
  readonly config: string;
  readonly json?: true;
}

/** `mayfly log shards`: what shards there are, how far each has come, and under which keys it is known. */
export function logShardsCommand(context: CommandContext): Command {
  return new Command("shards")
    .description("list the log's shards: state, size, root, window, log id and keys")
    .usage("--config <file> [--json]")
    .addOption(configOption())
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly log shards --config mayfly.yaml\n" +
        "\nReads the files only; no key is opened, and the service may be running. `configured` is what the configuration\n" +
        "says, `log` what the shard's database does: missing (mayfly log init makes it), open, or frozen for ever.",
    )
    .action(async (options: LogShardsOptions) => {
      const shards = (await describeShards(loadConfig(options.config))).map(describe);
      context.stdout(options.json === true ? `${JSON.stringify({ shards })}\n` : shards.map(asText).join(""));
    });
}

type Description = Readonly<Record<string, string | number | null>>;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const time = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

function describe({ config, path, log }: DescribedShard): Description {
  const { name, state, origin, window } = config;
  return {
    name,
    configured: state,
    origin,
    windowStart: time(window?.startMs),
    windowEnd: time(window?.endMs),
    path,
    ...(log === undefined ? { log: "missing" } : describeLog(log)),
  };
}

function describeLog({ manifest, head, published, checkpointKey }: DescribedLog): Description {
  return {
    log: manifest.frozenMs === undefined ? "open" : "frozen",
    logId: base64(manifest.logId),
    entries: head.size,
    root: base64(head.root),
    published: published?.size ?? null,
    publishedTime: time(published?.timestampMs),
    frozenTime: time(manifest.frozenMs),
    key: base64(manifest.logPublicKey),
    checkpointKey,
  };
}

function asText({ name, ...rest }: Description): string {
  const lines = Object.entries(rest).filter(([, value]) => value !== null);
  return `${String(name)}\n${lines.map(([member, value]) => `  ${member.padEnd(13)}  ${String(value)}\n`).join("")}`;
}
