import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publicKeyIn, writeOperatorKeys } from "../operator-keys.ts";
import { makeTimestampChain } from "../timestamp-chain.ts";

/** Members of the lists below `trust:`, as YAML, that were trusted before or will be. */
export interface OtherTimes {
  readonly otherAuthorities: readonly string[];
  readonly otherLogs: readonly string[];
  readonly timestampAuthorities: readonly string[];
  readonly transparencyLogs: readonly string[];
}

const DAY_MS = 86_400_000;
const day = (fromNow: number): string => new Date(Date.now() + fromNow * DAY_MS).toISOString();

/**
 * Writes keys and chains of an authority, a log, a timestamp authority and a log of signatures that ceased a month ago, and
 * of four that begin in a year: clients must sign and verify as if they were not there.
 */
export async function writeOtherTimes(folder: string): Promise<OtherTimes> {
  const past = await writeAll(join(folder, "past"), "past.test", `start: ${day(-60)}, end: ${day(-30)}`);
  const future = await writeAll(join(folder, "future"), "future.test", `start: ${day(365)}`);
  return {
    otherAuthorities: [past.authority, future.authority],
    otherLogs: [past.log, future.log],
    timestampAuthorities: [past.clock, future.clock],
    transparencyLogs: [past.signatures, future.signatures],
  };
}

async function writeAll(folder: string, host: string, window: string) {
  const file = (name: string): string => join(folder, name);
  mkdirSync(folder, { recursive: true });
  await writeOperatorKeys(folder);
  const logKey = publicKeyIn(file("log.json")).toString("base64");
  writeFileSync(file("log.pem"), `-----BEGIN PUBLIC KEY-----\n${logKey}\n-----END PUBLIC KEY-----\n`);
  const { own, root } = makeTimestampChain();
  writeFileSync(file("tsa.pem"), own + root);
  const rekor = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
  writeFileSync(file("rekor.pem"), rekor);
  // Nobody listens at these addresses.
  return {
    authority: `{ chain: ${file("chain.pem")}, ${window} }`,
    log: `{ baseUrl: "https://ct.${host}", publicKey: ${file("log.pem")}, ${window} }`,
    clock: `{ url: "https://tsa.${host}/ts", chain: ${file("tsa.pem")}, ${window}, verifyOnly: true }`,
    signatures: `{ url: "https://rekor.${host}", apiVersion: 2, publicKey: ${file("rekor.pem")}, ${window}, verifyOnly: true }`,
  };
}
