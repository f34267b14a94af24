import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ask } from "../ask.ts";
import { makeKeyPair } from "../certificate-fixtures.ts";
import { goToolPath, type GoTool } from "../go-tool.ts";
import { makeAuthorities, rootsPem, submittedChains, type SubmittedChain } from "./certificates.ts";

/** A static-ct-api log of TesseraCT's library, on files. */
export const CTLOG: GoTool = { name: "ctlog", folder: "tools/ctlog" };

/** Submissions under way at once: TesseraCT answers all that a checkpoint covers together. */
const AT_ONCE = 128;

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

/** A program that serves HTTP on a port of 127.0.0.1. */
export interface RunningTool {
  readonly url: string;
  /** Ends it and waits for its end. */
  close(): Promise<void>;
}

/** Starts ctlog and waits until it listens. */
async function startCtlog(args: readonly string[]): Promise<RunningTool> {
  const child = spawn(goToolPath(CTLOG), args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  const ended = new Promise<void>((done) => {
    child.once("close", () => {
      done();
    });
  });
  const address = await new Promise<string>((started, failed) => {
    createInterface({ input: child.stdout }).once("line", started);
    child.once("error", failed);
    void ended.then(() => {
      failed(new Error(`ctlog ended: ${said}`));
    });
  });
  return {
    url: `http://${address}`,
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Serves the files of a log as they are when they are asked for. */
export function serveFolder(directory: string): Promise<RunningTool> {
  return startCtlog(["-dir", directory]);
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
  const log = await startCtlog(["-dir", directory, "-origin", origin, "-key", keyFile, "-roots", rootsFile]);
  try {
    await submitAll(log.url, submittedChains(authorities, size));
  } finally {
    await log.close();
  }
  return { directory, origin, publicKey: key.spki, privateKeyPem, size };
}

async function submitAll(url: string, chains: Iterator<SubmittedChain>): Promise<void> {
  const submitter = async (): Promise<void> => {
    for (let next = chains.next(); next.done !== true; next = chains.next()) await submit(url, next.value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, submitter));
}

async function submit(url: string, { kind, chain }: SubmittedChain): Promise<void> {
  const endpoint = kind === "x509_entry" ? "add-chain" : "add-pre-chain";
  const body = JSON.stringify({ chain: chain.map((der) => Buffer.from(der).toString("base64")) });
  const answer = await ask(`${url}/ct/v1/${endpoint}`, { method: "POST", body });
  if (answer.status !== 200) throw new Error(`${endpoint}: ${String(answer.status)} ${answer.text}`);
}
