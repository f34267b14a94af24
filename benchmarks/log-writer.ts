import "../src/v8-settings.ts";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../src/adapters/clock/system-clock.ts";
import { openFileHighWaterMark } from "../src/adapters/high-water-mark/file.ts";
import { openSqliteLogStore } from "../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { openSigner } from "../src/compose/open-signer.ts";
import { SIGNER_ROLES } from "../src/compose/signer-roles.ts";
import { drawSerialNumber } from "../src/compose/serial-number.ts";
import { buildTemplate } from "../src/core/certificate/build-template.ts";
import { parseIssuerChain, type IssuerChain } from "../src/core/certificate/issuer-chain.ts";
import { lintTemplate } from "../src/core/certificate/lint-template.ts";
import { ANY_TOKEN, NO_CLAIM_RULES } from "../src/core/identity/claim-rules.ts";
import type { CiProviderRules } from "../src/core/identity/ci-provider.ts";
import { derivePrincipal } from "../src/core/identity/derive-principal.ts";
import type { Precertificate } from "../src/core/issuance-types.ts";
import type { ProvenKey } from "../src/core/proof/public-key.ts";
import { openCertificateLog } from "../src/ctlog/submit-precertificate.ts";
import { makeTreeHeadCheckpointSigner } from "../src/ctlog/tree-head-checkpoint-signer.ts";
import { signPrecertificate } from "../src/issuance/sign-certificate.ts";
import type { CertificateLog } from "../src/ports/certificate-log.ts";
import type { Signer } from "../src/ports/signer.ts";
import { makeEd25519CheckpointSigner } from "../src/tlog/ed25519-checkpoint-signer.ts";
import { startSequencer } from "../src/tlog/sequencer.ts";
import { openProviderPack, providerFile } from "../src/config/provider-pack.ts";
import { tokenClaims } from "../dev/token-claims.ts";
import type { BenchmarkFiles } from "./benchmark-files.ts";

/*
 * A log in a process of its own, made of the parts that a service has: SQLite, head mark, sequencer, signer. What is put
 * into it are precertificates of GitHub Actions jobs, no two alike, signed before the clock starts.
 */

/** The log to open: that of an environment's files. The answer is a {@link WriterReady}. */
export interface WriterOrder {
  readonly files: BenchmarkFiles;
}

/** The log is open. */
export interface WriterReady {
  readonly size: number;
}

/** Entries to append, by so many callers who each wait for their SCT; the answer is an {@link AppendResult}. */
export interface AppendOrder {
  readonly concurrency: number;
  readonly count: number;
}

/** What appending took. */
export interface AppendResult {
  readonly seconds: number;
  /** From the submission to the SCT, milliseconds. */
  readonly latenciesMs: readonly number[];
  /** CPU of all threads while entries were appended, milliseconds. */
  readonly cpuMs: number;
  /** Memory of the process afterwards, once what was prepared is collected, MiB: resident, and in use by JavaScript. */
  readonly rssMiB: number;
  readonly usedMiB: number;
}

/** Precertificates that are prepared at a time. */
const CHUNK = 4_096;
const KEYS = 64;

interface Certifier {
  readonly chain: IssuerChain;
  readonly signer: Signer;
  readonly keys: readonly ProvenKey[];
}

type Appended = Omit<AppendResult, "rssMiB" | "usedMiB">;

interface OpenWriter {
  readonly size: number;
  append(order: AppendOrder): Promise<Appended>;
  close(): Promise<void>;
}

async function openWriter({ files }: WriterOrder): Promise<OpenWriter> {
  const { origin, dataDirectory, passphrase, keys, chain } = files;
  const open = (name: "issuing" | "log" | "checkpoint", role: (typeof SIGNER_ROLES)[keyof typeof SIGNER_ROLES]) =>
    openSigner({ kind: "file", path: join(keys, `${name}.json`), passphrase: { file: passphrase } }, role, {
      env: {},
      development: true,
      onMismatch: fail,
    });
  const signer = await open("issuing", SIGNER_ROLES.ca);
  const logSigner = await open("log", SIGNER_ROLES.log);
  const checkpointSigner = await open("checkpoint", SIGNER_ROLES.checkpoint);
  const store = await openSqliteLogStore({
    path: join(dataDirectory, "log.sqlite"),
    onFatal: fail,
    allowAnyFilesystem: true,
  });
  const mark = openFileHighWaterMark({ path: join(dataDirectory, "head.note"), onFailure: fail });
  const callers = { waiting: 0 };
  const sequencer = await startSequencer({
    store,
    clock: systemClock,
    origin,
    checkpointSigners: [
      makeTreeHeadCheckpointSigner(origin, logSigner),
      makeEd25519CheckpointSigner(origin, checkpointSigner),
    ],
    onTheWay: () => callers.waiting,
    onPublish: (checkpoint) => {
      mark.advance(checkpoint);
    },
    onFatal: fail,
  });
  const log = await openCertificateLog({ sequencer, store, logSigner });
  const certifier: Certifier = { chain: parseIssuerChain(chain, systemClock.now()), signer, keys: makeKeys() };
  return {
    size: (await store.head()).size,
    append: (order) => append(order, { log, certifier, callers }),
    close: async () => {
      await sequencer.close();
      await mark.close();
      await store.close();
    },
  };
}

function fail(error: unknown): never {
  throw error;
}

/** Keys as if their holders had proved possession. */
function makeKeys(): readonly ProvenKey[] {
  return Array.from({ length: KEYS }, () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = Uint8Array.from(publicKey.export({ type: "spki", format: "der" }));
    return { spki, algorithm: "ecdsa-p256" } as ProvenKey;
  });
}

const GITHUB = ((): CiProviderRules => {
  const opened = openProviderPack(providerFile("github-actions"));
  const made = opened.kind === "templates" ? opened.makeRules({}) : { problems: [] };
  if ("rules" in made) return made.rules;
  throw new TypeError("the pack needs settings");
})();

function makePrecertificate({ chain, signer, keys }: Certifier, number: number): Promise<Precertificate> {
  const key = keys[number % KEYS];
  if (key === undefined) throw new RangeError("no keys");
  const claims = tokenClaims("github", {
    repository: `octo-org-${randomBytes(4).toString("hex")}/octo-repo-${String(number)}`,
    sha: randomBytes(20).toString("hex"),
    run_id: String(10_000_000_000 + number),
  });
  const principal = derivePrincipal({
    issuer: {
      url: "https://token.actions.githubusercontent.com",
      audience: "sigstore",
      identity: GITHUB,
      rules: NO_CLAIM_RULES,
    },
    rule: ANY_TOKEN,
    subject: String(claims["sub"]),
    claims: new Map(
      Object.entries(claims).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
    ),
  });
  const template = buildTemplate({
    principal,
    key,
    issuer: chain,
    nowMs: systemClock.now(),
    serialNumber: drawSerialNumber(),
    lifetimeSeconds: 600,
    backdateSeconds: 0,
  });
  return signPrecertificate(lintTemplate(template), signer);
}

interface AppendParts {
  readonly log: CertificateLog;
  readonly certifier: Certifier;
  readonly callers: { waiting: number };
}

async function append({ concurrency, count }: AppendOrder, parts: AppendParts): Promise<Appended> {
  const latenciesMs: number[] = [];
  let [seconds, cpuMs] = [0, 0];
  for (let done = 0; done < count; done += CHUNK) {
    const entries: Precertificate[] = [];
    while (entries.length < Math.min(CHUNK, count - done)) {
      entries.push(await makePrecertificate(parts.certifier, done + entries.length));
    }
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    await appendAll(entries, concurrency, { ...parts, latenciesMs });
    const { user, system } = process.cpuUsage(cpu);
    seconds += (performance.now() - started) / 1_000;
    cpuMs += (user + system) / 1_000;
  }
  return { seconds, cpuMs, latenciesMs };
}

async function appendAll(
  entries: readonly Precertificate[],
  concurrency: number,
  { log, callers, latenciesMs }: AppendParts & { readonly latenciesMs: number[] },
): Promise<void> {
  const queue = entries.values();
  const call = async (): Promise<void> => {
    for (const entry of queue) {
      const submitted = performance.now();
      callers.waiting += 1;
      await log.add(entry);
      callers.waiting -= 1;
      latenciesMs.push(performance.now() - submitted);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, call));
}

let writer: OpenWriter | undefined;
// One message after the other: the first opens the log, `"close"` closes it and lets the process end.
process.on("message", (message: WriterOrder | AppendOrder | "close") => {
  void (async (): Promise<unknown> => {
    if (message === "close") {
      await writer?.close();
      return "closed";
    }
    if ("files" in message) {
      writer = await openWriter(message);
      return { size: writer.size } satisfies WriterReady;
    }
    if (writer === undefined) throw new TypeError("the log is not open");
    const result = await writer.append(message);
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { ...result, rssMiB: rss / 2 ** 20, usedMiB: (heapUsed + external) / 2 ** 20 } satisfies AppendResult;
  })().then((answer) => {
    process.send?.(answer, undefined, undefined, () => {
      if (message === "close") process.disconnect();
    });
  });
});
