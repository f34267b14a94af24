import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { recordEvidence, recordVersion } from "../evidence.ts";
import { itWhen } from "../it-when.ts";
import { openClientLab, SIGNERS, type ClientLab, type Desk, type Signer, type Trust } from "./client-lab.ts";
import { whatIsMissing, type Installation } from "./installation.ts";
import { installNeighbour, type NeighbourKind } from "./neighbour.ts";
import type { ClientPage } from "./page.ts";
import type { Finished } from "./shell.ts";

/** What a client says when it refuses. */
export interface Refusals {
  readonly identity: RegExp;
  readonly issuer: RegExp;
  readonly root: RegExp;
  /** An SCT of a log that is not trusted. */
  readonly foreignSct: RegExp;
  /** No SCT at all; left out for a client whose requests nothing stands between that could take it away. */
  readonly missingSct?: RegExp;
  /** An SCT of a log that is not trusted, while it signs; left out for a client that does not look at it then. */
  readonly foreignSctWhenSigning?: RegExp;
}

/** A client in one of the ways in which its page has it used. */
export interface HeldClient {
  /** What the evidence calls this way of using it. */
  readonly way: string;
  readonly page: ClientPage;
  readonly client: Installation;
  readonly neighbours: readonly NeighbourKind[];
  /** Whether it calls by gRPC, over TLS. */
  readonly grpc?: boolean;
  /** Blocks of the page. */
  readonly sign: string;
  readonly verify: string;
  /** What signing leaves behind for those who verify; a bundle when left out. */
  readonly signed?: readonly string[];
  readonly environment?: (lab: ClientLab) => Readonly<Record<string, string>>;
  /** What is done before the first test. */
  readonly prepare?: (lab: ClientLab) => Promise<void>;
  readonly refusals: Refusals;
}

/** What a client is, and what runs beside it. */
function versions({ client, neighbours }: HeldClient): string {
  const said = (one: Installation): string => ("whyNot" in one ? one.whyNot : one.version);
  return [said(client), ...neighbours.map((kind) => `${kind} ${said(installNeighbour(kind))}`)].join("; ");
}

/** Holds commands to have succeeded; what they said is in the failure. */
function succeeded({ code, output }: Finished): void {
  expect(code === 0 ? "" : output).toBe("");
}

const BUNDLE = "artifact.sigstore.json";

/**
 * Holds a client to what its page says: it signs with tokens of both kinds and verifies, with the trust files that Mayfly
 * emits and nothing else, and it refuses what does not belong together.
 */
export function holdClient(held: HeldClient): void {
  const missing = whatIsMissing(held.client, ...held.neighbours.map(installNeighbour));
  const [itWithClient, skipped] = itWhen(missing === undefined, missing ?? "");
  const { page, refusals, signed = [BUNDLE] } = held;
  let lab: ClientLab;
  let environment: Readonly<Record<string, string>>;
  const desks = new Map<Signer, Desk>();

  describe(held.way, () => {
    beforeAll(async () => {
      if (missing !== undefined) return;
      recordVersion(`${held.way}:`, versions(held));
      lab = await openClientLab(held);
      environment = held.environment?.(lab) ?? {};
      await held.prepare?.(lab);
    });

    afterAll(async () => {
      if (missing === undefined) await lab.close();
    });

    const verify = (desk: Desk, more: Readonly<Record<string, string>> = {}) =>
      desk.run(page.commands(held.verify), { ...environment, ...more });

    /** What the first signer made, on the desk of somebody who trusts others. */
    async function elsewhere(trust: Trust): Promise<Desk> {
      const desk = await lab.desk(SIGNERS[0]!, trust);
      const from = desks.get(SIGNERS[0]!)!;
      for (const name of signed) cpSync(join(from.folder, name), join(desk.folder, name), { recursive: true });
      return desk;
    }

    for (const signer of SIGNERS) {
      itWithClient(`signs and verifies with a token of kind ${signer.kind}${skipped}`, async () => {
        const desk = await lab.desk(signer);
        const signing = await desk.run(page.commands(held.sign), environment);
        succeeded(signing);
        desks.set(signer, desk);
        succeeded(await verify(desk));
        recordEvidence(`${held.way}: signed and verified as ${signer.kind} ${signer.identity}`);
      });
    }

    const refuses = (what: string, pattern: RegExp, run: () => Promise<Finished>) => {
      itWithClient(`refuses ${what}${skipped}`, async () => {
        const { code, output } = await run();
        expect(output).toMatch(pattern);
        expect(code).not.toBe(0);
        recordEvidence(`${held.way}: refused ${what} (${pattern.exec(output)?.[0] ?? ""})`);
      });
    };

    refuses("another e-mail address", refusals.identity, () =>
      verify(desks.get(SIGNERS[0]!)!, { IDENTITY: "other@example.com" }),
    );
    refuses("a URI that begins as the job's", refusals.identity, () =>
      verify(desks.get(SIGNERS[1]!)!, { IDENTITY: SIGNERS[1]!.identity.slice(0, -1) }),
    );
    refuses("another issuer", refusals.issuer, () =>
      verify(desks.get(SIGNERS[0]!)!, { ISSUER: "https://accounts.example.com" }),
    );
    refuses("a certificate of another root", refusals.root, async () => verify(await elsewhere("another-root")));
    refuses("an SCT of another log", refusals.foreignSct, async () => verify(await elsewhere("another-log")));
    const { missingSct, foreignSctWhenSigning } = refusals;
    if (missingSct !== undefined) {
      refuses("a certificate without an SCT", missingSct, async () => {
        const desk = await lab.desk(SIGNERS[0]!, "without-sct");
        const signing = await desk.run(page.commands(held.sign), environment);
        return signing.code === 0 ? verify(desk) : signing;
      });
    }
    if (foreignSctWhenSigning !== undefined) {
      refuses("to sign when the SCT is of another log", foreignSctWhenSigning, async () => {
        const desk = await lab.desk(SIGNERS[0]!, "another-log");
        return desk.run(page.commands(held.sign), environment);
      });
    }
  });
}
