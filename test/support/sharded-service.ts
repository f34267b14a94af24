import { hash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "@sigstore/core";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { verifyLogProof } from "../../dev/verify-log-proof.ts";
import type { LogProof } from "../../dev/verify-log-proof.ts";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import { initLog } from "../../src/compose/init-log.ts";
import { startService } from "../../src/compose/start-service.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { askForCertificate } from "./ask.ts";
import { certificateIn } from "./issued.ts";
import { encryptCheaply } from "./operator-keys.ts";
import { ANCHORS, configText } from "./service.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** Of the shards' keys; what they protect is gone with the test. */
export const SHARD_ENV = { SHARD_PASSPHRASE: "of a shard in a test" };

/** What may be said of a shard: its state, and settings beside those it has by its name. */
export interface WrittenShard {
  readonly state: string;
  readonly more?: string;
  /** Its keys are left out. */
  readonly isKeyless?: boolean;
}

/** Services with a log of several shards, one after the other in one folder. */
export interface ShardedService {
  readonly folder: string;
  /** The text of a configuration with these shards. */
  readonly text: (shards: Readonly<Record<string, WrittenShard>>) => Promise<string>;
  /** A configuration with these shards, by their names; keys are made for each name once. */
  readonly configure: (shards: Readonly<Record<string, WrittenShard>>) => Promise<Config>;
  readonly start: (config: Config) => Promise<RunningService>;
  /** Makes the logs that are not there yet, as `mayfly log init` does beside a running service. */
  readonly init: (config: Config) => Promise<void>;
  /** Log lines of all services so far, as soon as they are written. */
  readonly logText: () => string;
  /** DER of a certificate that a service has just issued. */
  readonly issue: (service: RunningService) => Promise<Buffer>;
  /** Lower-case hex: the log that a certificate's SCT is of. */
  readonly logIdOf: (leaf: Buffer) => string;
  /** Lower-case hex, of the shard of that name. */
  readonly logId: (name: string) => string;
  /** Proves from public data that a certificate is in the log of that shard. */
  readonly prove: (service: RunningService, leaf: Buffer, name: string) => Promise<LogProof>;
  readonly close: () => Promise<void>;
}

/** Origin of a shard in these services. */
export const originOf = (name: string): string => `localhost/${name}`;

/** Key files by their names, to be used again: each costs its scrypt. */
export type ShardKeys = Map<string, string>;

/**
 * Opens a folder for services with shards.
 *
 * @param keys takes those that are made; shards of one name have the same keys in all folders with one map
 */
export async function openShardedService(keys: ShardKeys = new Map()): Promise<ShardedService> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-shards-"));
  const issuer = await startDevelopmentIssuer();
  const logFile = join(folder, "mayfly.log");
  const running: RunningService[] = [];
  const keyFile = (name: string): string => join(folder, `${name}.json`);
  const made = new Set<string>();
  const makeKeys = async (name: string): Promise<void> => {
    if (made.has(name)) return;
    made.add(name);
    for (const [key, algorithm] of [
      [name, "ecdsa-p256-sha256"],
      [`${name}-checkpoint`, "ed25519"],
    ] as const) {
      const text = keys.get(key) ?? (await encryptCheaply(generatePrivateKey(algorithm), SHARD_ENV.SHARD_PASSPHRASE));
      keys.set(key, text);
      writeFileSync(keyFile(key), text, { mode: 0o600 });
    }
  };
  const publicKeyOf = (name: string): Buffer => {
    const { publicKey } = JSON.parse(readFileSync(keyFile(name), "utf8")) as { publicKey: string };
    return Buffer.from(publicKey, "base64");
  };
  const text: ShardedService["text"] = async (shards) => {
    for (const name of Object.keys(shards)) await makeKeys(name);
    return shardedText(configText(issuer, join(folder, "data")), shards, keyFile);
  };
  return {
    folder,
    text,
    configure: async (shards) => parseConfig(await text(shards), join(ROOT, "config", "test.yaml")),
    init: async (config) => {
      await initLog(config, { env: SHARD_ENV });
    },
    start: async (config) => {
      const service = await startService(config, { env: SHARD_ENV, destination: logFile });
      running.push(service);
      return service;
    },
    logText: () => readFileSync(logFile, "utf8"),
    issue: async ({ publicUrl }) => {
      const answer = await askForCertificate(publicUrl, await issuer.mintToken("email"));
      if (answer.status !== 200) throw new Error(`${String(answer.status)}: ${answer.text}`);
      return Buffer.from(certificateIn(answer).raw);
    },
    logIdOf: (leaf) => {
      const scts = X509Certificate.parse(Buffer.from(leaf)).extSCT?.signedCertificateTimestamps ?? [];
      return scts.map(({ logID }) => logID.toString("hex")).join();
    },
    logId: (name) => hash("sha256", publicKeyOf(name), "hex"),
    prove: ({ publicUrl }, leaf, name) => {
      const anchors = { chainPem: ANCHORS.chainPem, logPublicKey: publicKeyOf(name) };
      return verifyLogProof(leaf, anchors, { url: `${publicUrl}/${name}`, origin: originOf(name) });
    },
    close: async () => {
      for (const { shutdown } of running) {
        shutdown.stop();
        await shutdown.stopped;
      }
      await issuer.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The configuration with a list of shards in the place of its log. */
function shardedText(
  text: string,
  shards: Readonly<Record<string, WrittenShard>>,
  keyFile: (name: string) => string,
): string {
  const list = Object.entries(shards).map(([name, { state, more = "", isKeyless = false }]) => {
    const key = (file: string): string =>
      `{ kind: file, path: ${keyFile(file)}, passphrase: { env: SHARD_PASSPHRASE } }`;
    const keys = isKeyless ? "" : `, signer: ${key(name)}, checkpointSigner: ${key(`${name}-checkpoint`)}`;
    return `    - { name: "${name}", state: ${state}, origin: ${originOf(name)}${keys}${more} }\n`;
  });
  const log = `log:\n  store: { kind: sqlite, allowAnyFilesystem: true }\n  shards:\n${list.join("")}`;
  return text.replace(/^log:\n(?: .*\n)*/mu, log);
}
