import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CTLOG } from "../support/foreign-log/tesseract-log.ts";
import { goToolPath, type GoTool } from "../support/go-tool.ts";

/** certificate-transparency-go's client, golang.org/x/mod/sumdb/tlog and transparency-dev/merkle. */
export const LOGJUDGE: GoTool = { name: "logjudge", folder: "tools/logjudge" };

/** TesseraCT's own checker of static-ct-api logs. */
export const TESSERACT_FSCK: GoTool = {
  name: "tesseract-fsck",
  folder: CTLOG.folder,
  package: "github.com/transparency-dev/tesseract/cmd/fsck",
};

/** Versions of what the judges are made of, as the modules in tools/ pin them. */
export const LOG_JUDGE_VERSIONS =
  "certificate-transparency-go 1.4.0, x/mod 0.38.0, transparency-dev/merkle 0.0.2, TesseraCT 0.1.2 with Tessera 1.0.3";

/** What a judge says of a whole log. */
export interface LogVerdict {
  /** How much it looked at, by what it is. */
  readonly judged: Readonly<Record<string, number>>;
  /** What is wrong; nothing for a good log. */
  readonly faults: readonly string[];
}

/** The log to be judged. */
export interface JudgedLog {
  /** Where it is read, without a final slash; fsck takes `file:///…` too. */
  readonly url: string;
  readonly origin: string;
  /** DER SubjectPublicKeyInfo of its P-256 key. */
  readonly publicKey: Uint8Array;
}

const run = promisify(execFile);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

async function askLogjudge(judge: string, { url, origin, publicKey }: JudgedLog, samples: number): Promise<LogVerdict> {
  const args = [judge, "-url", url, "-origin", origin, "-key", base64(publicKey), "-samples", String(samples)];
  const { stdout } = await run(goToolPath(LOGJUDGE), args, { maxBuffer: 1 << 24 });
  return JSON.parse(stdout) as LogVerdict;
}

/** certificate-transparency-go's LogClient: every read endpoint of RFC 6962 §4, all entries, `samples` proofs of each kind. */
export function askGoClient(log: JudgedLog, samples = 200): Promise<LogVerdict> {
  return askLogjudge("rfc6962", log, samples);
}

/** golang.org/x/mod/sumdb/tlog over every tile: tree hash, entries, issuers, `samples` record and tree proofs. */
export function askTlog(log: JudgedLog, samples = 200): Promise<LogVerdict> {
  return askLogjudge("tiles", log, samples);
}

/** What fsck says last when it has found nothing; its exit code is 0 whatever it found. */
const FSCK_SUCCESS = /Successfully fsck'd log with size (\d+) and root/u;

/**
 * TesseraCT's fsck over the checkpoint, tiles, entries and issuers of a log.
 *
 * @param isCompressed whether data tiles are gzip, and nothing says so
 */
export async function askFsck({ url, origin, publicKey }: JudgedLog, isCompressed = false): Promise<LogVerdict> {
  const args = [
    "-ui=false",
    "-monitoring_url",
    `${url}/`,
    "-origin",
    origin,
    "-public_key",
    base64(publicKey),
    "-N",
    "4",
    `-bundle_compressed=${String(isCompressed)}`,
  ];
  const said = await run(goToolPath(TESSERACT_FSCK), args, { maxBuffer: 1 << 24 })
    .then(({ stderr }) => stderr)
    .catch((error: unknown) => (error as { stderr?: string }).stderr ?? String(error));
  const size = FSCK_SUCCESS.exec(said)?.[1];
  const lines = said.trimEnd().split("\n");
  const issuers = lines.filter((line) => line.includes("Couldn't fetch issuer"));
  const faults = size === undefined ? [lines.slice(-3).join(" ")] : issuers;
  return { judged: size === undefined ? {} : { entries: Number(size) }, faults };
}
