import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevelopmentIssuer, type DevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import { initLog } from "../../../src/compose/init-log.ts";
import { dataPaths, type DataPaths } from "../../../src/compose/data-paths.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { startMayflyProcess, type MayflyProcess } from "../mayfly-process.ts";
import { operatorConfig, publicKeyIn, writeOperatorKeys } from "../operator-keys.ts";
import { callUntilGone } from "./callers.ts";
import type { CrashPlan } from "./crash-point.ts";
import { judge, type Verdict } from "./judge.ts";
import { Witness } from "./witness.ts";

const ORIGIN = "ca.example.com/log";
const PRELOAD = new URL("./preload.ts", import.meta.url);
/** Files of the database that can be copied while no process has it open. */
const DATABASE_SUFFIXES = ["", "-wal"] as const;

/** A Mayfly that lacks a defence. */
export type Mutant = "no-head-comparison" | "answer-before-commit";

/** A `mayfly serve` on the lab's folder. */
export interface LabRun {
  readonly process: MayflyProcess;
  /** Resolves with the public URL; rejects when the process ends before it is ready. */
  readonly ready: Promise<string>;
  /** Whether its callers read checkpoints: a log that answers before its COMMIT may refuse that with an error of its own. */
  readonly readsCheckpoints: boolean;
}

/**
 * One data folder, over which processes come and go, and the one who remembers what left them. Keys are the operator's,
 * of the lowest cost that key files may have: a start spends its time on starting.
 */
export class CrashLab {
  readonly paths: DataPaths;
  readonly witness: Witness;
  /** Starts that got as far as being ready. */
  readyStarts = 0;
  lastVerdict: Verdict | undefined;
  readonly #folder: string;
  readonly #configFile: string;
  readonly #issuer: DevelopmentIssuer;

  private constructor(folder: string, configFile: string, issuer: DevelopmentIssuer) {
    this.#folder = folder;
    this.#configFile = configFile;
    this.#issuer = issuer;
    this.paths = dataPaths(loadConfig(configFile));
    this.witness = new Witness({
      origin: ORIGIN,
      logPublicKey: publicKeyIn(join(folder, "log.json")),
      chainPem: readFileSync(join(folder, "chain.pem"), "utf8"),
    });
  }

  /** Makes keys, configuration and an empty log. */
  static async open(): Promise<CrashLab> {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-crash-"));
    const issuer = await startDevelopmentIssuer();
    await writeOperatorKeys(folder);
    const configFile = join(folder, "mayfly.yaml");
    const issuers = `  - { url: "${issuer.url}", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true }`;
    const text = operatorConfig(folder)
      .replace(/^ {2}- \{ url: .*$/mu, issuers)
      .replace("level: silent", "level: info");
    writeFileSync(configFile, `environment: development\n${text}`);
    await initLog(loadConfig(configFile), { env: {} });
    return new CrashLab(folder, configFile, issuer);
  }

  /** Starts a process, which may end by itself. */
  start(special?: CrashPlan | Mutant): LabRun {
    const process = startMayflyProcess({ configFile: this.#configFile, nodeArguments: preloadArguments(special) });
    const ready = process.line("ready").then(({ fields = {} }) => {
      this.readyStarts += 1;
      return fields["publicUrl"] ?? "";
    });
    // Whoever does not ask is not told: most of these processes die.
    ready.catch(() => undefined);
    return { process, ready, readsCheckpoints: special !== "answer-before-commit" };
  }

  /**
   * Lets callers ask for certificates until the process is gone, from the moment it is ready.
   *
   * @returns how many certificates were answered
   */
  async load(run: LabRun, callers: number, onAnswer?: (count: number) => void): Promise<number> {
    const { process, ready, readsCheckpoints } = run;
    const publicUrl = await ready.catch(() => undefined);
    let count = 0;
    if (publicUrl !== undefined) {
      const token = await this.#issuer.mintToken("email", {}, "ES256");
      const answered = (): void => {
        count += 1;
        onAnswer?.(count);
      };
      const options = { publicUrl, logPath: "log", token, witness: this.witness, onAnswer: answered, readsCheckpoints };
      await Promise.all(Array.from({ length: callers }, () => callUntilGone(options)));
    }
    await process.exited;
    return count;
  }

  /** What is true of the folder now, against everything that had left the processes. */
  async judge(): Promise<Verdict> {
    this.lastVerdict = await judge({ paths: this.paths, origin: ORIGIN }, this.witness);
    return this.lastVerdict;
  }

  /** Keeps a copy of the database as it is. No process may have it open. */
  copyDatabase(): void {
    for (const suffix of DATABASE_SUFFIXES) {
      const file = `${this.paths.database}${suffix}`;
      if (existsSync(file)) copyFileSync(file, join(this.#folder, `copy${suffix}`));
    }
  }

  /** Puts the copy in the database's place and leaves everything else as it is. */
  putBackDatabase(): void {
    for (const suffix of [...DATABASE_SUFFIXES, "-shm"]) rmSync(`${this.paths.database}${suffix}`, { force: true });
    for (const suffix of DATABASE_SUFFIXES) {
      const copy = join(this.#folder, `copy${suffix}`);
      if (existsSync(copy)) copyFileSync(copy, `${this.paths.database}${suffix}`);
    }
  }

  async close(): Promise<void> {
    await this.#issuer.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Opens a lab for one piece of work and closes it afterwards. */
export async function withCrashLab<T>(work: (lab: CrashLab) => Promise<T>): Promise<T> {
  const lab = await CrashLab.open();
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}

/** What Node.js has to be told so that a process ends there, or lacks a defence. */
export function preloadArguments(special: CrashPlan | Mutant | undefined): string[] {
  if (special === undefined) return [];
  const url = new URL(PRELOAD);
  if (typeof special === "string") url.searchParams.set("mutant", special);
  else {
    url.searchParams.set("crash", special.point);
    url.searchParams.set("hit", String(special.hit));
  }
  return ["--import", url.href];
}
