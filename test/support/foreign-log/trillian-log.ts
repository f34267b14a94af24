import { setTimeout } from "node:timers/promises";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../ask.ts";
import { makeKeyPair } from "../certificate-fixtures.ts";
import type { GoTool } from "../go-tool.ts";
import { makeAuthorities, rootsPem, submittedChains } from "./certificates.ts";
import { startGoTool, type RunningTool } from "./running-tool.ts";
import { submitAll } from "./submit.ts";

/** An RFC 6962 log: certificate-transparency-go's front end over Trillian in memory. */
export const CTFE: GoTool = { name: "ctfe", folder: "tools/ctfe" };

/** How long Trillian may take to merge what it took. */
const MERGE_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** A log that runs; its URL is what comes before `/ct/v1/`. */
export interface TrillianLog extends RunningTool {
  /** DER SubjectPublicKeyInfo of its P-256 key. */
  readonly publicKey: Uint8Array;
}

/** Starts Trillian and lets it merge that many certificates. */
export async function runTrillianLog(size: number): Promise<TrillianLog> {
  const secrets = mkdtempSync(join(tmpdir(), "mayfly-trillian-"));
  const key = makeKeyPair("ecdsa-p256");
  const authorities = makeAuthorities();
  const [keyFile, rootsFile] = [join(secrets, "key.pem"), join(secrets, "roots.pem")];
  writeFileSync(keyFile, key.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  writeFileSync(rootsFile, rootsPem(authorities));
  const front = await startGoTool(CTFE, ["-key", keyFile, "-roots", rootsFile]);
  const url = `${front.url}/log`;
  try {
    await submitAll(url, submittedChains(authorities, size));
    await untilMerged(url, size);
  } catch (error) {
    await front.close();
    throw error;
  }
  return { url, publicKey: key.spki, close: () => front.close() };
}

async function untilMerged(url: string, size: number): Promise<void> {
  const signal = AbortSignal.timeout(MERGE_LIMIT_MS);
  for (;;) {
    const { body } = await ask(`${url}/ct/v1/get-sth`, { signal });
    if ((body as { readonly tree_size: number }).tree_size >= size) return;
    await setTimeout(LOOK_EVERY_MS, undefined, { signal });
  }
}
