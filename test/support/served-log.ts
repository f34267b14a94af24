import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { createSqliteLog } from "../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { lintTemplate } from "../../src/core/certificate/lint-template.ts";
import type { Precertificate } from "../../src/core/issuance-types.ts";
import { makePublicLogView } from "../../src/ctlog/public-log-view.ts";
import type { PublicLog } from "../../src/ctlog/public-log-view.ts";
import { openCertificateLog } from "../../src/ctlog/submit-precertificate.ts";
import { makeTreeHeadCheckpointSigner } from "../../src/ctlog/tree-head-checkpoint-signer.ts";
import { signPrecertificate } from "../../src/issuance/sign-certificate.ts";
import type { LogManifest, LogSnapshot, LogStore } from "../../src/ports/log-store.ts";
import { makeEd25519CheckpointSigner } from "../../src/tlog/ed25519-checkpoint-signer.ts";
import { startSequencer } from "../../src/tlog/sequencer.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { makeRig } from "../http/public-app.ts";
import { makeCa, makeTemplate, NOW_MS } from "./certificate-fixtures.ts";
import { sha256 } from "./log-fixtures.ts";

/** Where the logs of {@link openServedLog} keep their entries. */
export const STORES = ["memory", "sqlite"] as const;

/** What a {@link ServedLog} is opened with. */
export interface ServedLogOptions {
  readonly store: (typeof STORES)[number];
  readonly metadata?: PublicLog["metadata"];
  /** Stands between the log and its readers; the log itself is written past it. */
  readonly wrapForReaders?: (store: LogStore) => LogStore;
}

/** A log of real precertificates behind the public listener, in this process. */
export interface ServedLog extends AsyncDisposable {
  /** What the paths of its reads follow. */
  readonly url: string;
  readonly manifest: LogManifest;
  readonly store: LogStore;
  /** DER, issuing CA first. */
  readonly chain: readonly Uint8Array[];
  /** Logs so many precertificates; returns them in the order of their entries. */
  readonly add: (count: number) => Promise<readonly Precertificate[]>;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
}

/** Opens an empty log and serves it on a free port of loopback. */
export async function openServedLog(options: ServedLogOptions): Promise<ServedLog> {
  const origin = "log.test/2026";
  const ca = makeCa();
  const caSigner = makeKeyObjectSigner(ca.issuingKey.privateKey);
  const [logSigner, checkpointSigner] = [createMemorySigner("ecdsa-p256-sha256"), createMemorySigner("ed25519")];
  const manifest: LogManifest = {
    formatVersion: 1,
    origin,
    logId: sha256(logSigner.publicKey),
    logPublicKey: logSigner.publicKey,
    checkpointPublicKey: checkpointSigner.publicKey,
    createdMs: NOW_MS - 1_000,
  };
  const clock = makeFakeClock(NOW_MS);
  const { store, remove } = await openStore(options.store, manifest);
  const sequencer = await startSequencer({
    store,
    clock,
    origin,
    checkpointSigners: [
      makeTreeHeadCheckpointSigner(origin, logSigner),
      makeEd25519CheckpointSigner(origin, checkpointSigner),
    ],
    onFatal: failTest,
  });
  const log = await openCertificateLog({ sequencer, store, logSigner });
  const view = makePublicLogView({
    store: options.wrapForReaders?.(store) ?? store,
    manifest,
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
  });
  const logs = [{ pathPrefix: "/2026", view, roots: ca.chain.certificates.slice(-1) }];
  const { listener } = makeRig(undefined, { logs: () => logs });
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/2026`;
  return {
    url,
    manifest,
    store,
    chain: ca.chain.certificates,
    add: async (count) => {
      clock.advance(10);
      const precertificates = await Promise.all(
        Array.from({ length: count }, () => signPrecertificate(lintTemplate(makeTemplate(ca)), caSigner)),
      );
      const added = await Promise.all(
        precertificates.map(async (each) => ({ each, index: (await log.add(each)).leafIndex ?? -1 })),
      );
      return added.sort((one, other) => one.index - other.index).map(({ each }) => each);
    },
    get: (path, headers = {}) =>
      globalThis.fetch(`${url}${path}`, { headers: { "accept-encoding": "identity", ...headers } }),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await sequencer.close();
      await store.close();
      remove();
    },
  };
}

async function openStore(kind: ServedLogOptions["store"], manifest: LogManifest) {
  if (kind === "memory")
    return { store: createMemoryLogStore({ manifest, onFatal: failTest }), remove: () => undefined };
  const directory = mkdtempSync(join(tmpdir(), "mayfly-served-log-"));
  const path = join(directory, "log.db");
  createSqliteLog(path, manifest);
  const store = await openSqliteLogStore({ path, onFatal: failTest, allowAnyFilesystem: true });
  return {
    store,
    remove: () => {
      rmSync(directory, { recursive: true });
    },
  };
}

function failTest(error: Error): never {
  throw error;
}

/** A store whose log grows before each single read of an answer that has begun: what it shows must not. */
export function growingBetweenReads(store: LogStore, grow: () => Promise<unknown>): LogStore {
  const snapshot = async (): Promise<LogSnapshot> => {
    const taken = await store.snapshot();
    const afterGrowing =
      <A extends readonly unknown[], T>(read: (...argument: A) => Promise<T>) =>
      async (...argument: A): Promise<T> => {
        await grow();
        return read(...argument);
      };
    return {
      checkpoint: taken.checkpoint,
      tile: afterGrowing((level, index) => taken.tile(level, index)),
      entries: afterGrowing((start, end) => taken.entries(start, end)),
      issuer: afterGrowing((fingerprint) => taken.issuer(fingerprint)),
      issuers: afterGrowing(() => taken.issuers()),
      indexOfLeaf: afterGrowing((hash) => taken.indexOfLeaf(hash)),
    };
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "snapshot") return snapshot;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}
