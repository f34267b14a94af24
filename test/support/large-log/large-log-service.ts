import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrustAnchors } from "../../../dev/verify-bundle.ts";
import { initLog } from "../../../src/compose/init-log.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import { makeKeyPair, type KeyPair } from "../certificate-fixtures.ts";
import { operatorConfig, publicKeyIn, writeOperatorKeys } from "../operator-keys.ts";
import { ORIGIN, startTestService, type TestService } from "../service.ts";
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

/**
 * Makes keys and a log, and issues that many certificates into it.
 *
 * @param authority folder of another log's keys, whose CA issues into this one too
 */
export async function makeLargeLog(origin: string, count: number, authority?: string): Promise<WrittenLargeLog> {
  const keys = mkdtempSync(join(tmpdir(), "mayfly-large-keys-"));
  const dataDirectory = join(mkdtempSync(join(tmpdir(), "mayfly-large-")), "data");
  await writeOperatorKeys(keys);
  if (authority !== undefined) {
    for (const file of ["chain.pem", "issuing.json"]) cpSync(join(authority, file), join(keys, file));
  }
  mkdirSync(dataDirectory, { mode: 0o700 });
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

/** Starts the whole service over such a log, with a development issuer to sign more. */
export function serveLargeLog({ origin, dataDirectory, keys }: LargeLog): Promise<TestService> {
  const development = join(import.meta.dirname, "..", "..", "..", "keys-dev");
  return startTestService((text) =>
    text
      .replaceAll(development, keys)
      .replace(/^dataDirectory: .*/mu, `dataDirectory: ${dataDirectory}`)
      .replace(`origin: ${ORIGIN}`, `origin: ${origin}`),
  );
}
