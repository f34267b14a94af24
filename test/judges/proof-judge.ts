import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { goToolPath } from "../support/go-tool.ts";
import { LOGJUDGE } from "./log-judges.ts";
import { mutantsOf } from "./proof-mutants.ts";
import { holdsForUs, type Random, type StatedProof } from "./stated-proof.ts";

/** What came of asking two verifiers the same. */
export interface ProofComparison {
  readonly proofs: number;
  readonly mutants: number;
  /** Mutants that both verifiers call true, by what was changed. */
  readonly stillTrue: ReadonlyMap<string, number>;
  /** How often each change was made. */
  readonly changes: ReadonlyMap<string, number>;
  /** Proofs that either verifier refuses, and mutants on which they differ; at most twenty. */
  readonly disagreements: readonly string[];
}

const AS_MADE = "as made";
const MAX_DISAGREEMENTS = 20;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function question(stated: StatedProof): string {
  const proof = stated.proof.map(base64);
  if (stated.kind === "inclusion") {
    const { index, size, leaf, root } = stated;
    return JSON.stringify({ index, size2: size, leaf: base64(leaf), root2: base64(root), proof });
  }
  const { size1, size2, root1, root2 } = stated;
  return JSON.stringify({ size1, size2, root1: base64(root1), root2: base64(root2), proof });
}

/** transparency-dev/merkle as a process: takes questions line by line, and answers each with a line of one digit. */
class MerkleProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<Buffer>;
  #rest = "";

  constructor() {
    this.#child = spawn(goToolPath(LOGJUDGE), ["proofs"], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async ask(statements: readonly StatedProof[]): Promise<readonly boolean[]> {
    const text = statements.map((stated) => `${question(stated)}\n`).join("");
    if (!this.#child.stdin.write(text)) await once(this.#child.stdin, "drain");
    while (this.#rest.length < 2 * statements.length) {
      const read = await this.#answers.next();
      if (read.done === true) throw new Error("the judge of proofs ended early");
      this.#rest += read.value.toString("latin1");
    }
    const answers = this.#rest
      .slice(0, 2 * statements.length)
      .trimEnd()
      .split("\n");
    this.#rest = this.#rest.slice(2 * statements.length);
    return answers.map((answer) => answer === "1");
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, "close");
  }
}

/** Lets transparency-dev/merkle and our verifier judge `count` proofs and all mutants of each. */
export async function compareOnProofs(
  draw: () => Promise<StatedProof>,
  { count, random }: { readonly count: number; readonly random: Random },
): Promise<ProofComparison> {
  const [stillTrue, changes, disagreements] = [new Map<string, number>(), new Map<string, number>(), [] as string[]];
  const judge = new MerkleProcess();
  let mutants = 0;
  try {
    for (let at = 0; at < count; at += 1) {
      const stated = await draw();
      const asked = [{ what: AS_MADE, stated }, ...mutantsOf(stated, random)];
      const theirs = await judge.ask(asked.map((one) => one.stated));
      mutants += asked.length - 1;
      for (const [place, one] of asked.entries()) {
        const [we, they] = [holdsForUs(one.stated), theirs[place]];
        const isWrong = we !== they || (one.what === AS_MADE && !we);
        if (isWrong && disagreements.length < MAX_DISAGREEMENTS) {
          disagreements.push(`${one.what}: we say ${String(we)}, they ${String(they)}: ${question(one.stated)}`);
        }
        if (one.what === AS_MADE) continue;
        changes.set(one.what, (changes.get(one.what) ?? 0) + 1);
        if (we) stillTrue.set(one.what, (stillTrue.get(one.what) ?? 0) + 1);
      }
    }
  } finally {
    await judge.close();
  }
  return { proofs: count, mutants, stillTrue, changes, disagreements };
}
