import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { systemClock } from "../src/adapters/clock/system-clock.ts";
import { createMemorySigner } from "../src/adapters/signers/memory.ts";
import { openRemoteSigner } from "../src/adapters/signers/remote/remote-signer.ts";
import { openVaultKey } from "../src/adapters/signers/vault/vault-key.ts";
import { makeCaChain } from "../src/compose/make-ca.ts";
import type { RemoteKeys } from "./benchmark-files.ts";
import { pinned } from "./cores.ts";
import { endWithThis, stopProcess } from "./server-process.ts";

/** Where the service is, and its keys. */
export type KeyServiceReady = Required<Pick<RemoteKeys, "address" | "token">> & {
  readonly names: Required<RemoteKeys["names"]>;
};

/** What it has seen. */
export interface KeyServiceCounts {
  readonly calls: number;
  /** Calls that were under way at the same time. */
  readonly mostUnderWay: number;
}

/** A key service with the keys of a Mayfly, in a process of its own. */
export interface KeyServiceProcess {
  readonly keys: KeyServiceReady;
  /** Chain of a CA whose key it holds, PEM. */
  readonly chainPem: string;
  /** Lets each call take that many milliseconds more from now on, and tells what came since the last time. */
  readonly becomeSlow: (latencyMs: number) => Promise<KeyServiceCounts>;
  readonly stop: () => Promise<void>;
}

/** Starts it; it ends with this process at the latest. */
export async function startKeyService(core: number): Promise<KeyServiceProcess> {
  const [execPath, ...execArgv] = pinned(core, process.execPath);
  const child = fork(fileURLToPath(new URL("key-service.ts", import.meta.url)), { execPath, execArgv });
  endWithThis(child);
  const [keys] = (await once(child, "message")) as [KeyServiceReady];
  return {
    keys,
    chainPem: await makeChain(keys),
    becomeSlow: async (latencyMs) => {
      child.send(latencyMs);
      const [counts] = (await once(child, "message")) as [KeyServiceCounts];
      return counts;
    },
    stop: async () => {
      await stopProcess(child);
    },
  };
}

async function makeChain({ address, token, names }: KeyServiceReady): Promise<string> {
  const credentials = { kind: "token", readToken: () => token } as const;
  const key = openVaultKey(
    { address, mount: "transit", key: names.ca, version: 1, credentials },
    { name: "benchmark CA", clock: systemClock },
  );
  const issuing = await openRemoteSigner(key, {
    limits: { attemptMs: 5_000, attempts: 1, deadlineMs: 5_000, inFlight: 1 },
    clock: systemClock,
    random: Math.random,
  });
  const root = createMemorySigner("ecdsa-p384-sha384");
  const chainPem = await makeCaChain({ organization: "Benchmark", root, issuing, nowMs: Date.now() });
  await issuing.close();
  return chainPem;
}
