import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeyPair } from "../certificate-fixtures.ts";
import type { GoTool } from "../go-tool.ts";
import { makeAuthorities, rootsPem, submittedChains } from "./certificates.ts";
import { startGoTool, type RunningTool } from "./running-tool.ts";
import { submitAll } from "./submit.ts";

/** A static-ct-api log of TesseraCT's library, on files. */
export const CTLOG: GoTool = { name: "ctlog", folder: "tools/ctlog" };

/** A log that somebody else's code wrote. */
export interface ForeignLog {
  /** Its files, laid out as C2SP static-ct-api has them. */
  readonly directory: string;
  readonly origin: string;
  /** DER SubjectPublicKeyInfo of its P-256 key. */
  readonly publicKey: Uint8Array;
  /** The key itself, PEM (PKCS #8): with it a test signs checkpoints that the log never would. */
  readonly privateKeyPem: string;
  /** How many entries it has. */
  readonly size: number;
}

/** Serves the files of a log as they are when they are asked for. */
export function serveFolder(directory: string): Promise<RunningTool> {
  return startGoTool(CTLOG, ["-dir", directory]);
}

/** Lets TesseraCT write a log of that many certificates, and ends it. */
export async function writeTesseractLog(size: number, origin: string): Promise<ForeignLog> {
  const directory = mkdtempSync(join(tmpdir(), "mayfly-tesseract-"));
  const secrets = mkdtempSync(join(tmpdir(), "mayfly-tesseract-key-"));
  const key = makeKeyPair("ecdsa-p256");
  const authorities = makeAuthorities();
  const privateKeyPem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const [keyFile, rootsFile] = [join(secrets, "key.pem"), join(secrets, "roots.pem")];
  writeFileSync(keyFile, privateKeyPem);
  writeFileSync(rootsFile, rootsPem(authorities));
  const log = await startGoTool(CTLOG, ["-dir", directory, "-origin", origin, "-key", keyFile, "-roots", rootsFile]);
  try {
    await submitAll(log.url, submittedChains(authorities, size));
  } finally {
    await log.close();
  }
  return { directory, origin, publicKey: key.spki, privateKeyPem, size };
}
