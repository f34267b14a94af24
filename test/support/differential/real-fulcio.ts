import { execFileSync, spawn } from "node:child_process";
import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { stringify } from "yaml";
import { freePort } from "../../../dev/free-port.ts";
import type { DevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { ask } from "../ask.ts";
import { makeKeyPair } from "../certificate-fixtures.ts";
import { CTFE } from "../foreign-log/trillian-log.ts";
import { startGoTool } from "../foreign-log/running-tool.ts";
import { goToolPath } from "../go-tool.ts";
import type { GoTool } from "../go-tool.ts";
import type { Server } from "./send.ts";

/** The server program of Fulcio. */
export const FULCIO: GoTool = { name: "fulcio", folder: "tools/fulcio", package: "github.com/sigstore/fulcio" };

/** The release that `tools/fulcio` pins, such as `v1.8.8`. */
export function fulcioVersion(): string {
  return /github\.com\/sigstore\/fulcio (v\S+)/u.exec(readFileSync("tools/fulcio/go.mod", "utf8"))![1]!;
}

/** What Fulcio is started with. */
export interface FulcioOptions {
  /** Where its files are written. */
  readonly folder: string;
  /** PEM, issuing CA first. */
  readonly chain: string;
  readonly issuingKey: KeyObject;
  readonly issuer: DevelopmentIssuer;
}

/** Fulcio, with a CT log of its own. */
export interface RunningFulcio extends Server {
  readonly close: () => Promise<void>;
}

const PASSPHRASE = "fulcio";
const START_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 50;

/** Starts Fulcio with a file CA, and the log that it writes to; both programs must have been built. */
export async function startFulcio(options: FulcioOptions): Promise<RunningFulcio> {
  const log = await startLog(options);
  const [http, grpc, metrics] = [await freePort(18_080), await freePort(18_380), await freePort(18_680)];
  const legacySocket = join(options.folder, "legacy.sock");
  const child = spawn(
    goToolPath(FULCIO),
    [
      ...["serve", "--log_type", "prod", "--host", "127.0.0.1", "--port", String(http)],
      ...["--grpc-host", "127.0.0.1", "--grpc-port", String(grpc), "--metrics-port", String(metrics)],
      ...["--legacy-unix-domain-socket", legacySocket, "--config-path", writeConfig(options)],
      ...["--ca", "fileca", "--fileca-watch=false", ...writeCa(options), "--fileca-key-passwd", PASSPHRASE],
      ...["--ct-log-url", `${log.url}/log`, "--ct-log-public-key-path", log.publicKeyFile],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  }
  const ended = once(child, "close");
  const url = `http://127.0.0.1:${String(http)}`;
  const close = async (): Promise<void> => {
    // It waits for connections to end when it is asked to stop.
    child.kill("SIGKILL");
    await ended;
    await log.close();
  };
  try {
    await ready(`${url}/healthz`, () => child.exitCode === null);
  } catch (cause) {
    await close();
    throw new Error(`Fulcio did not start: ${said}`, { cause });
  }
  return { url, grpcTarget: `127.0.0.1:${String(grpc)}`, legacyGrpcTarget: `unix:${legacySocket}`, close };
}

async function startLog({ folder, chain }: FulcioOptions) {
  const key = makeKeyPair("ecdsa-p256");
  const [keyFile, publicKeyFile, rootsFile] = ["log-key.pem", "log-public.pem", "log-roots.pem"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(keyFile, key.privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(publicKeyFile, createPublicKey(key.privateKey).export({ type: "spki", format: "pem" }));
  writeFileSync(rootsFile, chain);
  const log = await startGoTool(CTFE, ["-key", keyFile, "-roots", rootsFile]);
  return { url: log.url, publicKeyFile, close: () => log.close() };
}

function writeCa({ folder, chain, issuingKey }: FulcioOptions): readonly string[] {
  const [chainFile, keyFile] = [join(folder, "fulcio-chain.pem"), join(folder, "fulcio-key.pem")];
  const encryption = { cipher: "aes-256-cbc", passphrase: PASSPHRASE };
  writeFileSync(chainFile, chain);
  writeFileSync(keyFile, issuingKey.export({ type: "pkcs8", format: "pem", ...encryption }));
  return ["--fileca-cert", chainFile, "--fileca-key", keyFile];
}

/** The configuration that Fulcio is released with, its issuers replaced by the two of the development issuer. */
function writeConfig({ folder, issuer }: FulcioOptions): string {
  const file = join(folder, "fulcio-config.yaml");
  const released = readFileSync(join(moduleFolder(), "config", "identity", "config.yaml"), "utf8");
  const issuers = {
    "oidc-issuers": {
      [issuer.url]: { "issuer-url": issuer.url, "client-id": "sigstore", type: "email" },
      [issuer.githubUrl]: {
        "issuer-url": issuer.githubUrl,
        "client-id": "sigstore",
        type: "ci-provider",
        "ci-provider": "github-workflow",
      },
    },
  };
  writeFileSync(
    file,
    released.replace(/^oidc-issuers:\n.*?(?=^ci-issuer-metadata:)/msu, () => stringify(issuers)),
  );
  return file;
}

function moduleFolder(): string {
  const args = ["list", "-mod=mod", "-m", "-f", "{{.Dir}}", "github.com/sigstore/fulcio"];
  return execFileSync("go", args, { cwd: resolve("tools/fulcio"), encoding: "utf8" }).trim();
}

async function ready(url: string, isRunning: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  for (;;) {
    if (!isRunning()) throw new Error("it ended");
    const answer = await ask(url, { signal }).catch(() => undefined);
    if (answer?.status === 200) return;
    await wait(LOOK_EVERY_MS, undefined, { signal });
  }
}
