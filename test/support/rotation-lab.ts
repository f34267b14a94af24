import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { signFile } from "../../dev/sign-file.ts";
import type { SignedFile } from "../../dev/sign-file.ts";
import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import { initLog } from "../../src/compose/init-log.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { startService } from "../../src/compose/start-service.ts";
import type { RunningService } from "../../src/compose/start-service.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { ask } from "./ask.ts";
import type { Answer } from "./ask.ts";
import { encryptCheaply } from "./operator-keys.ts";
import { configText } from "./service.ts";

/** Issuing CAs of a lab; all are under one root. */
export const AUTHORITIES = ["a", "b", "c"] as const;
/** One of them. */
export type AuthorityName = (typeof AUTHORITIES)[number];

/** What key files are opened with. */
export const ROTATION_ENV = { CA_PASSPHRASE: "of a CA in a test" };
/** Validity of certificates here, in milliseconds. */
export const LIFETIME_MS = 60_000;
/** How long ago the issuing CAs were made. */
export const AGE_MS = 7 * 86_400_000;

/** A service whose issuing CAs follow each other, in a folder of its own. */
export interface RotationLab {
  readonly configFile: string;
  /** Path of a file in the folder. */
  readonly at: (file: string) => string;
  /** PEM of an issuing CA alone, and of the root. */
  readonly issuing: (name: AuthorityName) => string;
  readonly root: string;
  /** An issuing CA in the list. */
  readonly line: (
    name: AuthorityName,
    state: string,
    window?: { readonly start?: string; readonly end?: string },
  ) => string;
  /** A configuration with these lines. */
  readonly text: (...lines: readonly string[]) => string;
  readonly start: (text: string) => Promise<RunningService>;
  /** Has the running service read a configuration, and says how that ended. */
  readonly reload: (service: RunningService, text: string) => Promise<string>;
  readonly sign: (service: RunningService) => Promise<SignedFile>;
  readonly token: () => Promise<string>;
  readonly trust: (service: RunningService, file: string) => Promise<Answer>;
  /** Every line that the services have logged. */
  readonly logText: () => string;
  readonly close: () => Promise<void>;
}

/** A time as configurations have it. */
export const timeText = (ms: number): string => new Date(ms).toISOString();

/** Makes keys, chains and an empty log. */
export async function openRotationLab(): Promise<RotationLab> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-rotation-"));
  const at = (file: string): string => join(folder, file);
  const issuer = await startDevelopmentIssuer();
  const { root, issuing } = await makeAuthorities(at);
  writeFileSync(at("artifact"), "to be signed");
  const running = new Set<RunningService>();
  const stop = async (service: RunningService): Promise<void> => {
    if (!running.delete(service)) return;
    service.shutdown.stop();
    await service.shutdown.stopped;
  };
  const logText = (): string => readFileSync(at("mayfly.log"), "utf8");
  writeFileSync(at("mayfly.log"), "");
  const lab: RotationLab = {
    configFile: at("mayfly.yaml"),
    at,
    root,
    issuing: (name) => issuing.get(name) ?? "",
    line: (name, state, window) => authorityLine(at, { name, state, window }),
    text: (...lines) => {
      const list = ["ca:", "  lifetimeSeconds: 60", "  authorities:", ...lines].join("\n");
      const text = configText(issuer, at("data")).replace(/^ca: .*$/mu, list);
      return `${text}trust: { publicUrl: "https://ca.example.com" }\n`;
    },
    start: async (text) => {
      for (const service of running) await stop(service);
      writeFileSync(lab.configFile, text);
      const options = { env: ROTATION_ENV, destination: at("mayfly.log") };
      const service = await startService(parseConfig(text, lab.configFile), options);
      running.add(service);
      return service;
    },
    reload: async (service, text) => {
      const before = logText().length;
      service.readConfigAgain(() => parseConfig(text, lab.configFile));
      for (;;) {
        const said = /^.*configuration (?:read again|refused).*$/mu.exec(logText().slice(before));
        if (said !== null) return said[0];
        await pause(5);
      }
    },
    sign: ({ publicUrl }) => signFile(at("artifact"), publicUrl, () => issuer.mintToken("email")),
    token: () => issuer.mintToken("email"),
    trust: ({ publicUrl }, file) => ask(`${publicUrl}/trust/${file}`),
    logText,
    close: async () => {
      for (const service of running) await stop(service);
      await issuer.close();
      rmSync(folder, { recursive: true });
    },
  };
  await initLog(parseConfig(lab.text(lab.line("a", "active")), lab.configFile), { env: ROTATION_ENV });
  return lab;
}

async function makeAuthorities(
  at: (file: string) => string,
): Promise<{ readonly root: string; readonly issuing: ReadonlyMap<AuthorityName, string> }> {
  const rootSigner = makeKeyObjectSigner(generatePrivateKey("ecdsa-p384-sha384"));
  const issuing = new Map<AuthorityName, string>();
  let root: string | undefined;
  for (const name of AUTHORITIES) {
    const key = generatePrivateKey("ecdsa-p256-sha256");
    writeFileSync(at(`${name}.json`), await encryptCheaply(key, ROTATION_ENV.CA_PASSPHRASE), { mode: 0o600 });
    const keys = { root: rootSigner, issuing: makeKeyObjectSigner(key) };
    const chain = await makeCaChain({ organization: "Rotation", ...keys, nowMs: Date.now() - AGE_MS });
    const [own = "", above = ""] = chain.split(/(?<=-----END CERTIFICATE-----\n)/u);
    root ??= above;
    issuing.set(name, own);
    writeFileSync(at(`${name}.pem`), own + root);
    // The same root's key signs its certificate anew each time.
    writeFileSync(at("reissued.pem"), (issuing.get("a") ?? "") + above);
  }
  return { root: root ?? "", issuing };
}

interface Line {
  readonly name: AuthorityName;
  readonly state: string;
  readonly window: { readonly start?: string; readonly end?: string } | undefined;
}

function authorityLine(at: (file: string) => string, { name, state, window }: Line): string {
  const times = Object.entries(window ?? {}).map(([end, time]) => `${end}: "${time}"`);
  const signer = `{ kind: file, path: ${at(`${name}.json`)}, passphrase: { env: CA_PASSPHRASE } }`;
  const written = times.length === 0 ? "" : `, window: { ${times.join(", ")} }`;
  return `    - { name: ${name}, state: ${state}, chain: ${at(`${name}.pem`)}, signer: ${signer}${written} }`;
}
