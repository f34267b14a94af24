import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { TrustAnchors } from "../../../dev/verify-bundle.ts";
import { initLog } from "../../../src/compose/init-log.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import { makeKeyPair, type KeyPair } from "../certificate-fixtures.ts";
import { operatorConfig, publicKeyIn, writeOperatorKeys } from "../operator-keys.ts";
import { startTestService, type TestService } from "../service.ts";
import type { IssuedCertificate } from "./verify-issued.ts";
import { writeLargeLog, type LargeLog } from "./write-large-log.ts";

/** A log of many entries on disk, and a few of the certificates in it. */
export interface WrittenLargeLog extends LargeLog {
  /** A configuration of it. */
  readonly configPath: string;
  readonly anchors: TrustAnchors;
  /** Key of every certificate in it. */
  readonly certificateKey: KeyPair;
  /** Every so many, {@link SAMPLES} in all. */
  readonly samples: readonly IssuedCertificate[];
  /** What it took to write, seconds. */
  readonly seconds: number;
}

const SAMPLES = 250;

/** Which log is made. */
export interface LargeLogRequest {
  readonly origin: string;
  /** Folder for it, which is not there yet. */
  readonly dataDirectory: string;
  readonly count: number;
  /** Folder of another log's keys, whose CA issues into this one too. */
  readonly authority?: string | undefined;
}

/** Makes keys and a log, and issues that many certificates into it. */
export async function makeLargeLog(request: LargeLogRequest): Promise<WrittenLargeLog> {
  const { origin, dataDirectory, count, authority } = request;
  const keys = mkdtempSync(join(tmpdir(), "mayfly-large-keys-"));
  await writeOperatorKeys(keys);
  if (authority !== undefined) {
    for (const file of ["chain.pem", "issuing.json"]) cpSync(join(authority, file), join(keys, file));
  }
  mkdirSync(dataDirectory, { mode: 0o700, recursive: true });
  const text = operatorConfig(keys)
    .replace(/^dataDirectory: .*/mu, `dataDirectory: ${dataDirectory}`)
    .replace("ca.example.com/log", origin);
  const configPath = join(keys, "mayfly.yaml");
  writeFileSync(configPath, text);
  await initLog(parseConfig(text, configPath), { env: {} });
  const certificateKey = makeKeyPair("ecdsa-p256");
  const samples: IssuedCertificate[] = [];
  const every = Math.max(1, Math.floor(count / SAMPLES));
  const start = performance.now();
  await writeLargeLog(
    { origin, dataDirectory, keys },
    {
      count,
      key: certificateKey,
      onCertificate: (certificate, identity, logIndex) => {
        if (logIndex % every === 0 && samples.length < SAMPLES) samples.push({ certificate, identity, logIndex });
      },
    },
  );
  return {
    origin,
    dataDirectory,
    keys,
    configPath,
    anchors: {
      chainPem: readFileSync(join(keys, "chain.pem"), "utf8"),
      logPublicKey: publicKeyIn(join(keys, "log.json")),
    },
    certificateKey,
    samples,
    seconds: (performance.now() - start) / 1_000,
  };
}

/** One of the logs of a service, and what it is configured as. */
export interface ServedShard {
  readonly name: string;
  readonly state: "active" | "frozen";
  readonly log: WrittenLargeLog;
}

/**
 * Starts the whole service over such logs, as shards of one log and with a development issuer to sign more. One that is
 * configured as frozen is frozen by it.
 */
export function serveLargeLogs(dataDirectory: string, shards: readonly ServedShard[]): Promise<TestService> {
  const development = join(import.meta.dirname, "..", "..", "..", "keys-dev");
  const [{ log: first } = { log: undefined }] = shards;
  if (first === undefined) throw new RangeError("no shard");
  const list = shards.map(({ name, state, log }) => {
    const key = (file: string): string =>
      `{ kind: file, path: ${join(log.keys, file)}, passphrase: { file: ${join(log.keys, "passphrase")} } }`;
    const keys = `signer: ${key("log.json")}, checkpointSigner: ${key("checkpoint.json")}`;
    const directory = relative(dataDirectory, log.dataDirectory);
    return `    - { name: "${name}", state: ${state}, origin: ${log.origin}, directory: ${directory}, ${keys} }\n`;
  });
  const written = `log:\n  store: { kind: sqlite, allowAnyFilesystem: true }\n  shards:\n${list.join("")}`;
  return startTestService((text) =>
    text
      .replaceAll(development, first.keys)
      .replace(/^dataDirectory: .*/mu, `dataDirectory: ${dataDirectory}`)
      .replace(/^log:\n(?: .*\n)*/mu, written),
  );
}
