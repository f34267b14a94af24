import { startFakeVault } from "../test/fakes/fake-vault.ts";
import { startMisbehavingProxy } from "../test/support/keys/misbehaving-proxy.ts";
import type { KeyServiceCounts, KeyServiceReady } from "./key-service-process.ts";

/** The process of a key service: says where it is, and is told to be slow; then it says what it has seen since the last time. */
const vault = await startFakeVault();
const proxy = await startMisbehavingProxy(vault.address);
const ready: KeyServiceReady = {
  address: proxy.address,
  token: vault.staticToken,
  names: {
    ca: vault.keyName("ecdsa-p256-sha256", "ca"),
    log: vault.keyName("ecdsa-p256-sha256", "log"),
    checkpoint: vault.keyName("ed25519", "checkpoint"),
  },
};

process.on("message", (latencyMs: number) => {
  const { requests, mostUnderWay } = proxy.counts;
  Object.assign(proxy.counts, { requests: 0, mostUnderWay: proxy.counts.underWay });
  proxy.delayMs = latencyMs;
  process.send?.({ calls: requests, mostUnderWay } satisfies KeyServiceCounts);
});
process.send?.(ready);
