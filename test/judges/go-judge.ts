import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { JudgedCertificate } from "./issue-case.ts";
import type { Judge, Judgement } from "./judge.ts";

const SOURCE = resolve("tools/judge");
const CACHE = resolve("node_modules/.cache/mayfly");

/** Where the built judge is or would be: the name changes with its source and its pinned modules. */
function judgePath(): string {
  const digest = createHash("sha256");
  for (const file of ["main.go", "go.mod", "go.sum"]) digest.update(readFileSync(join(SOURCE, file)));
  return join(CACHE, `judge-${digest.digest("hex").slice(0, 16)}`);
}

/** Version of the Go on the PATH; undefined without one. */
export function goVersion(): string | undefined {
  try {
    return execFileSync("go", ["env", "GOVERSION"], { cwd: SOURCE, encoding: "utf8", stdio: "pipe" }).trim().slice(2);
  } catch {
    return undefined;
  }
}

/** Whether the judge was built before, from the source as it is now. */
export function isGoJudgeBuilt(): boolean {
  return existsSync(judgePath());
}

/** Builds the judge into the project's cache, unless it is there; needs Go, and its modules from wherever Go has them. */
export function buildGoJudge(): void {
  const path = judgePath();
  if (existsSync(path)) return;
  mkdirSync(CACHE, { recursive: true });
  const fresh = `${path}.${process.pid}`;
  execFileSync("go", ["build", "-trimpath", "-o", fresh, "."], { cwd: SOURCE, stdio: "pipe" });
  renameSync(fresh, path);
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function question({ leaf, precertificate, chain, logKey, loggedTbs }: JudgedCertificate): string {
  const parts = { leaf: base64(leaf), precertificate: base64(precertificate), chain: chain.map(base64) };
  return `${JSON.stringify({ ...parts, logKey: base64(logKey), loggedTbs: base64(loggedTbs) })}\n`;
}

/**
 * Go's crypto/x509 for the certificate and its chain at both ends of the validity and just beyond them, and
 * certificate-transparency-go for the SCT and for both TBSCertificates encoded again.
 */
export const goJudge: Judge = async (certificates) => {
  const child = spawn(judgePath(), { stdio: ["pipe", "pipe", "inherit"] });
  const judgements: Judgement[] = [];
  const answers = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const { facts, faults } = JSON.parse(line) as { facts: Judgement["facts"] | null; faults: string[] | null };
      judgements.push({ facts: facts ?? {}, faults: faults ?? [] });
    }
  })();
  for (const certificate of certificates) {
    if (!child.stdin.write(question(certificate))) await new Promise((drained) => child.stdin.once("drain", drained));
  }
  child.stdin.end();
  await answers;
  return judgements;
};
