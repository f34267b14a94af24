import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recordEvidence, recordVersion } from "../evidence.ts";
import { itWhen } from "../it-when.ts";
import {
  openClientLab,
  SIGNERS,
  type ClientLab,
  type ClientLabOptions,
  type Desk,
  type Signer,
  type Trust,
} from "./client-lab.ts";
import { whatIsMissing, type Installation } from "./installation.ts";
import { installNeighbour } from "./neighbour.ts";
import type { Finished } from "./shell.ts";

/** What does not belong together, as far as trust files say what does. */
export type Mismatch = Exclude<Trust, "own">;

/** What a client says when it refuses. */
export interface Refusals {
  readonly identity: RegExp;
  readonly issuer: RegExp;
  /** Left out where what is signed stands in the signature. */
  readonly artifact?: RegExp;
  /** When it verifies. */
  readonly verifying: Readonly<Record<Mismatch, RegExp>>;
  /** When it signs; it signs all the same with what is not here. */
  readonly signing: Readonly<Partial<Record<Mismatch, RegExp>>>;
}

/** Something that its page says of a client, beside how one signs and verifies with it. */
export interface Observation {
  /** Completes "it". */
  readonly what: string;
  readonly commands: string;
  /** Whose, as for {@link ClientLab.desk}; the first signer's, with the trust files of the Mayfly that runs, when left out. */
  readonly signer?: Signer;
  readonly trust?: Trust;
  /** What the commands say when they fail, as they then have to; left out, they have to succeed. */
  readonly refusal?: RegExp;
  /** What they say when they succeed. */
  readonly says?: RegExp;
}

/** A client in one of the ways in which its page has it used. */
export interface UsedClient extends ClientLabOptions {
  /** What the evidence calls this way of using it. */
  readonly way: string;
  readonly environment?: (lab: ClientLab) => Readonly<Record<string, string>>;
  /** What is done before the first test. */
  readonly prepare?: (lab: ClientLab) => Promise<void>;
  readonly observations?: readonly Observation[];
}

/** A client that signs and verifies. */
export interface HeldClient extends UsedClient {
  /** Blocks of the page. */
  readonly sign: string;
  readonly verify: string;
  /** What signing leaves behind for those who verify; a bundle when left out. */
  readonly signed?: readonly string[];
  /**
   * For a client that does not sign without an SCT: how it is made to, or that its bundle loses the SCT afterwards. The
   * latter only for one that looks at the certificate before anything else.
   */
  readonly signUnchecked?: ((commands: string) => string) | "lose-afterwards";
  readonly refusals: Refusals;
}

const WORDS: Readonly<Record<Mismatch, string>> = {
  "another-root": "a certificate of another root",
  "another-log": "an SCT of another log",
  "without-sct": "a certificate without an SCT",
};
const MISMATCHES = Object.keys(WORDS) as readonly Mismatch[];

const BUNDLE = "artifact.sigstore.json";

/** Where the tests of one way work; what it needs is there while they run. */
interface Bench {
  readonly test: (title: string, run: () => Promise<void>) => void;
  /** A test that holds commands to fail for this reason. */
  readonly refuses: (what: string, pattern: RegExp, run: () => Promise<Finished>) => void;
  readonly desk: (signer?: Signer, trust?: Trust) => Promise<Desk>;
  readonly lab: () => ClientLab;
}

/** Holds a client to what its page says of it. */
export function observeClient(used: UsedClient): void {
  describe(used.way, () => {
    observe(used, openBench(used));
  });
}

/**
 * Holds a client to what its page says: it signs with tokens of both kinds and verifies, with the trust files that Mayfly
 * emits and nothing else, and it refuses what does not belong together.
 */
export function holdClient(held: HeldClient): void {
  describe(held.way, () => {
    const bench = openBench(held);
    const desks = new Map<Signer, Desk>();
    signAndVerify(held, bench, desks);
    refuseAnother(held, bench, desks);
    for (const mismatch of MISMATCHES) refuseMismatch(held, bench, { mismatch, desks });
    observe(held, bench);
  });
}

function openBench(used: UsedClient): Bench {
  const { way, client, neighbours = [], tufPython } = used;
  const missing = whatIsMissing(client, ...neighbours.map(installNeighbour), ...(tufPython ? [tufPython] : []));
  const [itWithClient, skipped] = itWhen(missing === undefined, missing ?? "");
  let lab: ClientLab | undefined;
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    if (missing !== undefined) return;
    recordVersion(`${way}:`, versions(used));
    lab = await openClientLab(used);
    environment = used.environment?.(lab) ?? {};
    await used.prepare?.(lab);
  });

  afterAll(async () => {
    await lab?.close();
  });

  const test: Bench["test"] = (title, run) => {
    itWithClient(`${title}${skipped}`, run);
  };
  return {
    test,
    refuses: (what, pattern, run) => {
      test(`refuses ${what}`, async () => {
        const { code, output } = await run();
        expect(output).toMatch(pattern);
        expect(code).not.toBe(0);
        recordEvidence(`${way}: refused ${what} (${pattern.exec(output)?.[0] ?? ""})`);
      });
    },
    lab: () => lab!,
    desk: async (signer = SIGNERS[0]!, trust = "own") => {
      const desk = await lab!.desk(signer, trust);
      return { ...desk, run: (commands, more = {}) => desk.run(commands, { ...environment, ...more }) };
    },
  };
}

/** What a client is, and what runs beside it. */
function versions({ client, neighbours = [] }: UsedClient): string {
  const said = (one: Installation): string => ("whyNot" in one ? one.whyNot : one.version);
  return [said(client), ...neighbours.map((kind) => `${kind} ${said(installNeighbour(kind))}`)].join("; ");
}

/** Holds commands to have succeeded; what they said is in the failure. */
function succeeded({ code, output }: Finished): void {
  expect(code === 0 ? "" : output).toBe("");
}

function signAndVerify({ way, page, sign, verify }: HeldClient, bench: Bench, desks: Map<Signer, Desk>): void {
  for (const signer of SIGNERS) {
    bench.test(`signs and verifies with a token of kind ${signer.kind}`, async () => {
      const desk = await bench.desk(signer);
      succeeded(await desk.run(page.commands(sign)));
      desks.set(signer, desk);
      succeeded(await desk.run(page.commands(verify)));
      recordEvidence(`${way}: signed and verified as ${signer.kind} ${signer.identity}`);
    });
  }
}

/** Refusals of what both signers made, on their own desks. */
function refuseAnother(held: HeldClient, { refuses }: Bench, desks: ReadonlyMap<Signer, Desk>): void {
  const { identity, issuer, artifact } = held.refusals;
  const verify = (signer: Signer, environment: Readonly<Record<string, string>> = {}) =>
    desks.get(signer)!.run(held.page.commands(held.verify), environment);
  const [person, job] = SIGNERS as readonly [Signer, Signer];

  refuses("another e-mail address", identity, () => verify(person, { IDENTITY: "other@example.com" }));
  refuses("a URI that begins as the job's", identity, () => verify(job, { IDENTITY: job.identity.slice(0, -1) }));
  refuses("another issuer", issuer, () => verify(person, { ISSUER: "https://accounts.example.com" }));
  if (artifact !== undefined) {
    refuses("another artifact", artifact, () => {
      writeFileSync(join(desks.get(job)!.folder, "artifact"), "another artifact\n");
      return verify(job);
    });
  }
}

interface MismatchOnDesks {
  readonly mismatch: Mismatch;
  readonly desks: ReadonlyMap<Signer, Desk>;
}

/** Refusals of what does not belong together, while signing if the client looks at it then, and when verifying. */
function refuseMismatch(held: HeldClient, bench: Bench, { mismatch, desks }: MismatchOnDesks): void {
  const { page, sign, signed = [BUNDLE], signUnchecked, refusals } = held;
  const [what, pattern] = [WORDS[mismatch], refusals.verifying[mismatch]];
  const verify = (desk: Desk): Promise<Finished> => desk.run(page.commands(held.verify));
  const deskWithSigned = async (trust: Trust): Promise<Desk> => {
    const desk = await bench.desk(SIGNERS[0], trust);
    const from = desks.get(SIGNERS[0]!)!;
    for (const name of signed) cpSync(join(from.folder, name), join(desk.folder, name), { recursive: true });
    return desk;
  };
  const verifyOwn = async (change: (commands: string) => string): Promise<Finished> => {
    const desk = await bench.desk(SIGNERS[0], mismatch);
    succeeded(await desk.run(change(page.commands(sign))));
    return verify(desk);
  };

  if (mismatch !== "without-sct") bench.refuses(what, pattern, async () => verify(await deskWithSigned(mismatch)));
  const signing = refusals.signing[mismatch];
  if (signing === undefined) {
    bench.refuses(`${what} that it has signed with`, pattern, () => verifyOwn((commands) => commands));
    return;
  }
  bench.refuses(`to sign with ${what}`, signing, async () =>
    (await bench.desk(SIGNERS[0], mismatch)).run(page.commands(sign)),
  );
  if (mismatch !== "without-sct") return;
  if (signUnchecked === undefined) throw new Error(`${held.way}: nothing says how it comes to verify ${what}`);
  bench.refuses(what, pattern, async () => {
    if (signUnchecked !== "lose-afterwards") return verifyOwn(signUnchecked);
    const desk = await deskWithSigned("own");
    await bench.lab().removeSct(join(desk.folder, BUNDLE));
    return verify(desk);
  });
}

function observe({ way, observations = [] }: UsedClient, bench: Bench): void {
  for (const { what, commands, signer, trust, refusal, says = /^/u } of observations) {
    bench.test(what, async () => {
      const desk = await bench.desk(signer, trust);
      const finished = await desk.run(commands);
      if (refusal === undefined) succeeded(finished);
      else expect(finished.code).not.toBe(0);
      const pattern = refusal ?? says;
      expect(finished.output).toMatch(pattern);
      const [said = ""] = pattern.exec(finished.output) ?? [];
      recordEvidence(`${way}: ${what}${said === "" ? "" : ` (${said})`}`);
    });
  }
}
