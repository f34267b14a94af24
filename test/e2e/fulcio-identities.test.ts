import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIssuers } from "../../src/compose/open-issuers.ts";
import { judgeConfig } from "../../src/config/load-config.ts";
import { pemOf } from "../support/caller-keys.ts";
import { IDENTITY_DIVERGENCES } from "../support/differential/identities/divergences.ts";
import type { IssuerFileCases } from "../support/differential/identities/groups.ts";
import { configWith } from "../support/differential/identities/lab.ts";
import {
  compareOutcomes,
  outcomeOf,
  readRecordedIdentities,
  RECORDED_FILES,
  recordedOutcome,
  sampledTokens,
} from "../support/differential/identities/recorded.ts";
import { mint } from "../support/differential/identities/token-case.ts";
import { send } from "../support/differential/send.ts";
import { signingCall } from "../support/differential/signing-call.ts";
import { NOW, openDoor } from "../support/door.ts";
import type { Door } from "../support/door.ts";
import { keys } from "../support/refused-proofs.ts";
import { proofBy } from "../support/signing-body.ts";

const RECORDED = readRecordedIdentities();
const KEY = keys["ecdsa-p256"];

const folder = mkdtempSync(join(tmpdir(), "mayfly-fulcio-identities-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A Mayfly with an issuer file of Fulcio's, whose issuers have their documents in memory. */
async function openWith({ issuers }: IssuerFileCases): Promise<Door> {
  const file = join(folder, "issuers");
  writeFileSync(file, issuers());
  const { config } = judgeConfig(configWith(file, join(folder, "data")), join(folder, "mayfly.yaml"));
  const jwks: { keys: unknown[] } = { keys: [] };
  const door = await openDoor({
    issuers: openIssuers(config.issuers),
    verifier: {
      openFetch: ({ url }) => ({
        fetchJson: (target) => {
          const discovery = { issuer: url, jwks_uri: target, id_token_signing_alg_values_supported: ["ES256"] };
          // One document is both: what the other needs is passed over.
          return Promise.resolve({ bytes: Buffer.from(JSON.stringify({ ...discovery, ...jwks })) });
        },
        close: () => Promise.resolve(),
      }),
    },
  });
  jwks.keys.push(door.key.jwk);
  return door;
}

describe.each(RECORDED_FILES)("Mayfly, with an issuer file of Fulcio's: $name", (file) => {
  let door: Door;

  beforeAll(async () => {
    door = await openWith(file);
  });

  afterAll(() => door.close());

  it.each(file.groups)(
    "makes of each token what Fulcio made of it, but for documented differences: $name",
    async (group) => {
      const url = `http://127.0.0.1:${String(door.port)}`;
      const problems: string[] = [];
      for (const tokenCase of group.cases) {
        const fulcio = recordedOutcome(RECORDED, { group: group.name, tokenCase });
        if (fulcio === undefined) throw new Error(`nothing was recorded for ${tokenCase.name}`);
        const token = mint(tokenCase, door.key, NOW * 1000);
        const proof = proofBy(KEY, tokenCase.challenge);
        const call = signingCall("http-v2", { token, publicKey: pemOf(KEY.publicKey), proof });
        const reply = await send({ url, grpcTarget: "", legacyGrpcTarget: "" }, call, "https://nobody.invalid");
        const found = compareOutcomes({ fulcio, mayfly: outcomeOf(reply) }, tokenCase.rows).problems;
        problems.push(...found.map((problem) => `${tokenCase.name}: ${problem}`));
      }
      expect(problems).toEqual([]);
    },
  );
});

describe("what Fulcio made of tokens", () => {
  it("was recorded for all of them, and for no others", () => {
    const names = RECORDED_FILES.flatMap(sampledTokens).map(({ group, tokenCase }) => `${group}: ${tokenCase.name}`);
    expect(names).toHaveLength(new Set(names).size);
    const recorded = Object.entries(RECORDED.tokens).flatMap(([group, tokens]) =>
      Object.keys(tokens).map((name) => `${group}: ${name}`),
    );
    expect(recorded.sort()).toEqual(names.sort());
  });

  it("is compared by rows that stand on the page of differences, each once", () => {
    const cells = readFileSync("docs/divergences.md", "utf8")
      .split("\n")
      .flatMap((line) => (line.startsWith("| ") ? [line.split(" |")[0]!.slice(2).trim()] : []));
    const rows = Object.keys(IDENTITY_DIVERGENCES);
    expect(rows.filter((row) => cells.filter((cell) => cell === row).length !== 1)).toEqual([]);
  });

  it.each([
    ["another octet in a name", { "extension 2.5.29.17": "b" }, []],
    ["an extension that is missing", { "extension 1.3.6.1.4.1.57264.1.8": undefined }, []],
    ["a refusal", { status: "400" }, []],
    ["a row without a difference", {}, ["CI: numbers"]],
  ])("objects to %s", (_name, changes, rows) => {
    const fulcio = { status: "201", "extension 2.5.29.17": "a", "extension 1.3.6.1.4.1.57264.1.8": "c" };
    const mayfly = Object.fromEntries(
      Object.entries({ ...fulcio, ...changes }).filter((field): field is [string, string] => field[1] !== undefined),
    );
    expect(compareOutcomes({ fulcio, mayfly: fulcio }, []).problems).toEqual([]);
    expect(compareOutcomes({ fulcio, mayfly }, rows).problems).not.toEqual([]);
  });
});
