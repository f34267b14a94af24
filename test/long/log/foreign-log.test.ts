import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import type { LogProblem } from "../../../src/tlog/log-problem.ts";
import { askFsck, askGoClient, askTlog, LOGJUDGE, TESSERACT_FSCK } from "../../judges/log-judges.ts";
import { makeKeyPair } from "../../support/certificate-fixtures.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { TamperedLog } from "../../support/foreign-log/tampered-log.ts";
import { TAMPERINGS, type Tampering } from "../../support/foreign-log/tamperings.ts";
import { CTLOG, serveFolder, writeTesseractLog, type ForeignLog } from "../../support/foreign-log/tesseract-log.ts";
import { CTFE, runTrillianLog } from "../../support/foreign-log/trillian-log.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";
import { runCli } from "../../support/run-cli.ts";

/** Nine tiles of level 0, the last of them partial, and a partial one of level 1. */
const SIZE = 2_100;

const go = goVersion();
const [itWithGo, skipped] = itWhen(go !== undefined, "no go command");

const secrets = mkdtempSync(join(tmpdir(), "mayfly-foreign-"));

afterAll(() => {
  rmSync(secrets, { recursive: true, force: true });
});

/** What `mayfly log verify --json` printed. */
interface Verification {
  readonly code: number;
  readonly problems: readonly LogProblem[];
}

/** Runs the command on a location. */
async function verify(location: string, origin: string, publicKey: Uint8Array): Promise<Verification> {
  const keyFile = join(secrets, "key.pem");
  writeFileSync(keyFile, `${encodePem("PUBLIC KEY", publicKey)}\n`);
  const { code, stdout, stderr } = await runCli([
    "log",
    "verify",
    location,
    "--key",
    keyFile,
    "--origin",
    origin,
    "--json",
  ]);
  expect(stdout === "" ? stderr : "").toBe("");
  const { problems } = JSON.parse(stdout) as { problems: readonly LogProblem[] };
  return { code, problems };
}

describe(`a log of ${String(SIZE)} entries that TesseraCT wrote`, () => {
  let log: ForeignLog;
  let found = 0;

  beforeAll(async () => {
    if (go === undefined) return;
    for (const tool of [CTLOG, TESSERACT_FSCK, LOGJUDGE]) buildGoTool(tool);
    const start = performance.now();
    log = await writeTesseractLog(SIZE, "tesseract.test/2026");
    recordEvidence(
      `TesseraCT wrote a log of ${String(SIZE)} entries, certificates and precertificates of three CAs, in ${((performance.now() - start) / 1_000).toFixed(0)} s`,
    );
  });

  afterAll(() => {
    if (go === undefined) return;
    rmSync(log.directory, { recursive: true, force: true });
    recordEvidence(
      `mayfly log verify URL accepts it; of ${String(TAMPERINGS.length)} kinds of tampering with its files it found ${String(found)}, each at its place and at no wrong one`,
    );
  });

  /** Tampers with a copy and verifies it over HTTP. */
  async function verifyTampered({ tamper }: Tampering): Promise<Verification & { readonly places: readonly string[] }> {
    const copy = new TamperedLog(log);
    const places = await tamper(copy);
    const files = await serveFolder(copy.directory);
    try {
      return { ...(await verify(files.url, log.origin, log.publicKey)), places };
    } finally {
      await files.close();
      copy.remove();
    }
  }

  itWithGo(`is accepted by TesseraCT's fsck and by x/mod sumdb/tlog${skipped}`, async () => {
    const files = await serveFolder(log.directory);
    try {
      expect(await askFsck({ ...log, url: files.url })).toEqual({ judged: { entries: SIZE }, faults: [] });
      expect((await askTlog({ ...log, url: files.url })).faults).toEqual([]);
    } finally {
      await files.close();
    }
  });

  itWithGo(`is accepted by mayfly log verify, by its URL and as a folder${skipped}`, async () => {
    const files = await serveFolder(log.directory);
    try {
      for (const location of [files.url, log.directory]) {
        expect(await verify(location, log.origin, log.publicKey)).toEqual({ code: 0, problems: [] });
      }
    } finally {
      await files.close();
    }
  });

  for (const tampering of TAMPERINGS) {
    itWithGo(`mayfly log verify finds ${tampering.what}, and where${skipped}`, async () => {
      const { code, problems, places } = await verifyTampered(tampering);
      const named = [...new Set(problems.map(({ where }) => where))];
      expect(named).toEqual(expect.arrayContaining([...places]));
      expect(named.filter((place) => !places.includes(place) && tampering.alsoAt?.test(place) !== true)).toEqual([]);
      expect(code).toBe(1);
      found += 1;
    });
  }
});

itWithGo(
  `mayfly log verify accepts an RFC 6962 log that Trillian runs, and not under another key${skipped}`,
  async () => {
    for (const tool of [CTFE, LOGJUDGE]) buildGoTool(tool);
    const log = await runTrillianLog(SIZE);
    try {
      // What the judge asks of our log holds for the log that its own project runs.
      expect((await askGoClient({ ...log, origin: "trillian.test/log" }, 100)).faults).toEqual([]);
      expect(await verify(log.url, "trillian.test/log", log.publicKey)).toEqual({ code: 0, problems: [] });
      const refused = await verify(log.url, "trillian.test/log", makeKeyPair("ecdsa-p256").spki);
      expect(refused).toMatchObject({ code: 1, problems: [{ where: "checkpoint" }] });
    } finally {
      await log.close();
    }
    recordEvidence(
      `mayfly log verify URL accepts an RFC 6962 log of ${String(SIZE)} entries: certificate-transparency-go's front end over Trillian 1.8.0`,
    );
  },
);
