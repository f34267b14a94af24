import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import type { TrustAnchors } from "../../dev/verify-bundle.ts";
import { startService } from "../../src/compose/start-service.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const KEYS = join(ROOT, "keys-dev");

/** Origin of the logs of these services. */
export const ORIGIN = "localhost/test-log";

/** Whom to trust: what `keys-dev/` says, not what the server says. */
export const ANCHORS: TrustAnchors = {
  chainPem: readFileSync(join(KEYS, "chain.pem"), "utf8"),
  logPublicKey: Buffer.from(
    (JSON.parse(readFileSync(join(KEYS, "log.json"), "utf8")) as { publicKey: string }).publicKey,
    "base64",
  ),
};

/** A whole Mayfly with a development issuer, on loopback and in a folder of its own. */
export interface TestService {
  readonly service: RunningService;
  readonly issuer: DevelopmentIssuer;
  readonly config: Config;
  /** Everything that was written to the log; complete once the service has stopped. */
  readonly logText: () => string;
  /** Stops the service and starts it again on the same data. */
  readonly restart: () => Promise<TestService>;
  /** Stops the service only; resolves with its exit code. */
  readonly stop: () => Promise<number>;
  /** Stops everything and removes the folder. */
  readonly close: () => Promise<void>;
}

/** @param change YAML appended to the configuration, or what makes another configuration of it */
export async function startTestService(change: string | ((text: string) => string) = ""): Promise<TestService> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-e2e-"));
  const issuer = await startDevelopmentIssuer();
  const text = configText(issuer, folder);
  const changed = typeof change === "string" ? withLimits(text, change) + change : change(text);
  const config = parseConfig(changed, join(ROOT, "config", "test.yaml"));
  try {
    return await start({ config, issuer, folder });
  } catch (error) {
    await issuer.close();
    throw error;
  }
}

/** Without the line that switches limits off when the change brings limits of its own. */
const withLimits = (text: string, change: string): string =>
  /^limits:/mu.test(change) ? text.replace(RATES_OFF, "") : text;

/** Everybody is the same address here. */
const RATES_OFF = "limits: { rates: { enabled: false }, connectionsPerAddress: 2000 }\n";

/** A development configuration on free ports; its keys are those of `keys-dev/`. */
export function configText(issuer: Pick<DevelopmentIssuer, "url" | "githubUrl">, dataDirectory: string): string {
  const signer = (name: string): string =>
    `{ kind: file, path: ${join(KEYS, name)}, passphrase: { file: ${join(KEYS, "passphrase")} } }`;
  return `environment: development
dataDirectory: ${dataDirectory}
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { chain: ${join(KEYS, "chain.pem")}, signer: ${signer("issuing.json")} }
log:
  origin: ${ORIGIN}
  store: { kind: sqlite, allowAnyFilesystem: true }
  signer: ${signer("log.json")}
  checkpointSigner: ${signer("checkpoint.json")}
issuers:
  - { url: "${issuer.url}", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true }
  - { url: "${issuer.githubUrl}", identity: { kind: github-actions }, allowInsecureHttp: true, allowPrivateNetwork: true }
shutdown: { lameDuckSeconds: 0 }
${RATES_OFF}`;
}

interface Setting {
  readonly config: Config;
  readonly issuer: DevelopmentIssuer;
  readonly folder: string;
}

async function start(setting: Setting): Promise<TestService> {
  const { config, issuer, folder } = setting;
  const logFile = join(folder, "mayfly.log");
  const service = await startService(config, { env: {}, destination: logFile });
  const stop = (): Promise<number> => {
    service.shutdown.stop();
    return service.shutdown.stopped;
  };
  return {
    service,
    issuer,
    config,
    logText: () => readFileSync(logFile, "utf8"),
    stop,
    restart: async () => {
      await stop();
      return start(setting);
    },
    close: async () => {
      await stop();
      await issuer.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
