import assert from "node:assert/strict";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readAuditTrailEnd } from "../../../src/adapters/audit/verify-audit-trail.ts";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { dataPaths, type DataPaths } from "../../../src/compose/data-paths.ts";
import { openLog } from "../../../src/compose/open-log.ts";
import { openLogSigners } from "../../../src/compose/open-log-signers.ts";
import type { LogSigners } from "../../../src/compose/open-log-signers.ts";
import { activeShard } from "../../../src/config/active-shard.ts";
import { verifyDataFolder } from "../../../src/compose/verify-data-folder.ts";
import type { Config } from "../../../src/config/schema.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { askForCertificate } from "../ask.ts";
import { ORIGIN, startTestService, type TestService } from "../service.ts";

/** States of one log that can be put together again. */
export interface SavedFolders {
  /** Stopped in order, with few entries. */
  readonly old: string;
  /** As it was while a process wrote: the newest transactions are in the WAL only. */
  readonly live: string;
  /** Stopped in order, with all entries. */
  readonly now: string;
  /** Another log of the same keys and origin, with as many entries as `now` has by default. */
  readonly other: string;
}

const OLD_ENTRIES = 3;
const NEW_ENTRIES = 5;

/** A log with a past, copies of which are damaged and opened again. */
export class DamageLab {
  readonly saved: SavedFolders;
  readonly #root: string;
  readonly #config: Config;
  readonly #signers: LogSigners;
  #copies = 0;

  private constructor(root: string, { config, signers }: { readonly config: Config; readonly signers: LogSigners }) {
    this.#root = root;
    this.#config = config;
    this.#signers = signers;
    this.saved = {
      old: join(root, "old"),
      live: join(root, "live"),
      now: join(root, "now"),
      other: join(root, "other"),
    };
  }

  /** @param entries that the log has in the end */
  static async open(entries = OLD_ENTRIES + NEW_ENTRIES): Promise<DamageLab> {
    const root = mkdtempSync(join(tmpdir(), "mayfly-damage-"));
    const mayfly = await startTestService();
    const lab = new DamageLab(root, { config: mayfly.config, signers: await openSigners(mayfly.config) });
    await lab.#live(mayfly, entries);
    const other = await startTestService();
    await issue(other, OLD_ENTRIES + NEW_ENTRIES);
    await other.stop();
    cpSync(other.config.dataDirectory, lab.saved.other, { recursive: true });
    await other.close();
    return lab;
  }

  async #live(first: TestService, entries: number): Promise<void> {
    const { dataDirectory } = this.#config;
    const { database } = dataPaths(this.#config);
    await issue(first, OLD_ENTRIES);
    await first.stop();
    cpSync(dataDirectory, this.saved.old, { recursive: true });
    const second = await first.restart();
    // A reader of the state from before keeps the WAL from being copied back and begun anew.
    const reader = new DatabaseSync(database, { readOnly: true });
    reader.exec("BEGIN; SELECT * FROM head");
    await issue(second, entries - OLD_ENTRIES);
    mkdirSync(this.saved.live);
    for (const file of [database, `${database}-wal`]) copyFileSync(file, join(this.saved.live, basename(file)));
    reader.close();
    await second.stop();
    cpSync(dataDirectory, this.saved.now, { recursive: true });
    for (const name of ["head.note", "audit.jsonl"]) {
      copyFileSync(join(this.saved.now, name), join(this.saved.live, name));
    }
    await second.close();
  }

  /** A copy of a folder, to be changed. */
  copy(folder: string): DataPaths {
    const dataDirectory = join(this.#root, `copy-${this.#copies++}`);
    cpSync(folder, dataDirectory, { recursive: true });
    return dataPaths({ dataDirectory });
  }

  /** What the last start told of. */
  notices: readonly string[] = [];

  /**
   * Opens a log as `serve` does. A log that is accepted is verified whole, with every index that a caller was told.
   *
   * @returns reason and message of the refusal, "accepted", or what is damaged in a log that was accepted
   */
  async start(paths: DataPaths): Promise<string> {
    const config = { ...this.#config, dataDirectory: join(paths.database, "..") };
    const notices: string[] = [];
    this.notices = notices;
    try {
      await using resources = new AsyncDisposableStack();
      const auditEnd = await readAuditTrailEnd(paths.auditTrail);
      await openLog({
        config,
        signers: this.#signers,
        clock: systemClock,
        shard: activeShard(config),
        state: () => "active",
        telemetry: {
          ...{ logBatch: nothing, signer: nothing, witnessAnswer: nothing, witnessQuorum: nothing },
          notice: (_, what) => void notices.push(what),
        },
        requestsInFlight: () => 0,
        auditEnd,
        onFatal: nothing,
        resources,
      });
    } catch (error) {
      if (error instanceof MayflyError) return `${error.reason}: ${error.message}`;
      throw error;
    }
    return this.verify(paths);
  }

  /** What `mayfly log verify` finds: "accepted", or the places of damage. */
  async verify(paths: DataPaths): Promise<string> {
    const damage: string[] = [];
    await verifyDataFolder({ paths, origin: ORIGIN, onProblem: ({ where }) => damage.push(where) }).catch(
      (error: unknown) => {
        if (!(error instanceof MayflyError)) throw error;
        damage.push(error.message);
      },
    );
    return damage.length === 0 ? "accepted" : `damaged: ${damage.join(", ")}`;
  }

  /** Takes a copy away. */
  remove({ database }: DataPaths): void {
    rmSync(join(database, ".."), { recursive: true });
  }

  close(): void {
    rmSync(this.#root, { recursive: true });
  }
}

/** Puts a file of another folder in a file's place; takes it away where the other folder has none. */
export function replace(path: string, folder: string): void {
  const other = join(folder, basename(path));
  rmSync(path, { force: true });
  if (existsSync(other)) copyFileSync(other, path);
}

const nothing = (): void => undefined;

async function openSigners(config: Config): Promise<LogSigners> {
  const onMismatch = (error: MayflyError): never => {
    throw error;
  };
  const options = { env: {}, development: true, onMismatch };
  return openLogSigners(activeShard(config), options);
}

async function issue(mayfly: TestService, count: number): Promise<void> {
  const issueOne = async (): Promise<void> => {
    const answer = await askForCertificate(mayfly.service.publicUrl, await mayfly.issuer.mintToken("email"));
    assert.equal(answer.status, 200, answer.text);
  };
  // Few of them one after the other, so that each is a batch.
  const atOnce = count < 100 ? 1 : 16;
  for (let left = count; left > 0; left -= atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, left) }, issueOne));
  }
}
