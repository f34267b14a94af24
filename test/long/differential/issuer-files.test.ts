import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FulcioInputError } from "../../../src/config/fulcio-input-error.ts";
import type { FulcioIssuer } from "../../../src/config/fulcio-issuer-file.ts";
import { judgeConfig } from "../../../src/config/load-config.ts";
import { isSharedIssuer } from "../../../src/config/shared-issuers.ts";
import { translateIssuers } from "../../../src/config/fulcio-issuers.ts";
import { ask } from "../../support/ask.ts";
import { FULCIO, fulcioSource, startFulcioProgram, whatFulcioSays } from "../../support/differential/fulcio-program.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { fulcioIssuers, SHIPPED_ISSUERS } from "../../support/fulcio.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";

const isGoThere = goVersion() !== undefined;
const [itWithGo, skipped] = itWhen(isGoThere, "no Go to build Fulcio");

const folder = mkdtempSync(join(tmpdir(), "mayfly-fulcio-issuers-"));
const file = join(folder, "issuers");
let starts = 0;

beforeAll(() => {
  if (isGoThere) buildGoTool(FULCIO);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Nobody listens there, so Fulcio finds no keys and goes on. */
const URL_OF_NOBODY = "https://127.0.0.1:1";

const flagsFor = (text: string): readonly string[] => {
  writeFileSync(file, text);
  starts += 1;
  const socket = join(folder, `${String(starts)}.sock`);
  return ["--ca=ephemeralca", "--ct-log-url=", `--config-path=${file}`, `--legacy-unix-domain-socket=${socket}`];
};

/** An issuer as `GET /api/v2/configuration` shows it. */
type Shown = Readonly<Record<string, unknown>>;

const inOrder = (issuers: readonly Shown[]): readonly Shown[] =>
  issuers.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

async function shownByFulcio(text: string): Promise<readonly Shown[]> {
  const fulcio = await startFulcioProgram(flagsFor(text));
  try {
    const { body } = await ask(`${fulcio.url}/api/v2/configuration`);
    return inOrder((body as { readonly issuers: readonly Shown[] }).issuers);
  } finally {
    await fulcio.close();
  }
}

/** What Fulcio should show of an issuer file as it is read here. */
const shownByUs = (text: string): readonly Shown[] =>
  inOrder(
    fulcioIssuers(text).issuers.map((issuer: FulcioIssuer) => ({
      ...(issuer.isPattern ? { wildcardIssuerUrl: issuer.key } : { issuerUrl: issuer["issuer-url"] }),
      audience: issuer["client-id"],
      challengeClaim: issuer["challenge-claim"] || (issuer.type === "email" ? "email" : "sub"),
      spiffeTrustDomain: issuer["spiffe-trust-domain"],
      issuerType: issuer.type,
      subjectDomain: issuer["subject-domain"],
      skipEmailVerification: issuer["skip-email-verification"],
    })),
  );

const yaml = (members: string): string =>
  `oidc-issuers:\n  ${URL_OF_NOBODY}: { issuer-url: ${URL_OF_NOBODY}, client-id: me, type: email, ${members} }\n`;
const json = (members: object): string =>
  JSON.stringify({ OIDCIssuers: { a: { IssuerURL: URL_OF_NOBODY, ClientID: "me", Type: "email", ...members } } });
const audience = (text: string): string => yaml("").replace("me", text);

const READ: readonly (readonly [name: string, text: string])[] = [
  ["nothing", ""],
  ["Fulcio's own, as the tests have it", SHIPPED_ISSUERS],
  ["a description and an unknown member", yaml("description: d, contact: c, environment: e, unknown: [1]")],
  ["another challenge", yaml("challenge-claim: upn")],
  ...[
    "true",
    "True",
    "TRUE",
    "yes",
    "on",
    "y",
    "Y",
    "Yes",
    "YES",
    "On",
    "ON",
    "false",
    "no",
    "off",
    "n",
    "N",
    "No",
    "NO",
    "Off",
    "OFF",
    "'yes'",
    "~",
    "",
  ].map((word) => [`the switch ${word}`, yaml(`skip-email-verification: ${word}`)] as const),
  ...[
    "0123",
    "1e3",
    "0x1F",
    "123456789012345678901234567890",
    "1_000",
    "1.50",
    "2026-11-23",
    "true",
    "null",
    '"12"',
  ].map((text) => [`the audience ${text}`, audience(text)] as const),
  [
    "an anchor and a merge",
    `define: { x: &x { client-id: me, type: email } }\noidc-issuers:\n  a: { <<: *x, issuer-url: a }\n`,
  ],
  [
    "a pattern",
    "meta-issuers:\n  https://oidc.*.example.com/id/*: { client-id: me, type: kubernetes }\n  https://a.example/*: { client-id: x, type: email }\n",
  ],
  [
    "a subject domain and a trust domain",
    `oidc-issuers:\n  ${URL_OF_NOBODY}: { issuer-url: ${URL_OF_NOBODY}, client-id: me, type: spiffe, spiffe-trust-domain: example.com }\n` +
      "  https://a.example.com: { issuer-url: https://a.example.com, client-id: b, type: uri, subject-domain: https://b.example.com }\n",
  ],
  ["JSON", json({ SkipEmailVerification: true })],
  ["JSON in small letters", json({ SkipEmailVerification: true }).toLowerCase()],
  ["names of YAML in JSON", '{ "oidc-issuers": {} }'],
  ["names of JSON in YAML", "OIDCIssuers: { a: { ClientID: me } }"],
];

/** What Fulcio does not start with, and what it says. */
const REFUSED: readonly (readonly [name: string, text: string, says: string])[] = [
  ["a switch that is no word of YAML", yaml("skip-email-verification: yEs"), "into bool"],
  ["a key twice", yaml("type: uri"), "already defined"],
  ["an issuer that is a text", "oidc-issuers: { a: email }", "cannot unmarshal"],
  ["YAML that is none", "a: [b\n", "yaml"],
  ["a certificate that is none", yaml("ca-cert: x"), "failed to parse CA certificate"],
];

/** A text where JSON wants a switch: Fulcio leaves it off, and it must not be taken for on. */
const TEXTS_FOR_SWITCHES = ["true", "yes"];

describe("an issuer file of Fulcio's", () => {
  itWithGo(`as its release has it, loses no issuer, and each is known to serve anybody${skipped}`, () => {
    const released = fulcioIssuers(readFileSync(join(fulcioSource(), "config", "identity", "config.yaml"), "utf8"));
    expect(released.issuers.length).toBeGreaterThan(20);
    expect(released.unknown).toEqual([]);
    const { findings } = translateIssuers(released, "leave-out");
    for (const { key } of released.issuers) {
      expect({ key, isShared: isSharedIssuer(key) }).toEqual({ key, isShared: true });
      expect(findings.filter(({ subject }) => subject.startsWith(`${key} (`))).toHaveLength(1);
    }
    expect(findings.filter(({ outcome }) => outcome === "kept")).toEqual([]);
  });

  itWithGo(`as its release has it, is a configuration's as it is${skipped}`, () => {
    const released = join(fulcioSource(), "config", "identity", "config.yaml");
    const text = `
environment: development
dataDirectory: data
http: { listen: "127.0.0.1:5555" }
operations: { listen: "127.0.0.1:2112" }
ca: { signer: { kind: memory } }
log: { origin: ca.example.com/log, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }
issuers: { fulcio: { path: ${JSON.stringify(released)}, sharedIssuers: as-fulcio } }
`;
    const { config, warnings } = judgeConfig(text, join(folder, "mayfly.yaml"));
    const named = fulcioIssuers(readFileSync(released, "utf8")).issuers.map(({ key }) => key);
    expect(config.issuers.map(({ url }) => url)).toEqual(named);
    expect(warnings).toEqual([]);
  });

  itWithGo.each(READ)(`is read as Fulcio reads it: %s${skipped}`, async (_, text) => {
    expect(shownByUs(text)).toEqual(await shownByFulcio(text));
  });

  itWithGo.each(REFUSED)(`is refused where Fulcio does not start: %s${skipped}`, (_, text, says) => {
    expect(whatFulcioSays(["serve", ...flagsFor(text)])).toContain(says);
    expect(() => translateIssuers(fulcioIssuers(text), "as-fulcio")).toThrow(FulcioInputError);
  });

  itWithGo.each(TEXTS_FOR_SWITCHES)(
    `is refused with the text %j for a switch in JSON, which Fulcio leaves off${skipped}`,
    async (word) => {
      const text = json({ SkipEmailVerification: word });
      expect(await shownByFulcio(text)).toEqual([expect.objectContaining({ skipEmailVerification: false })]);
      expect(() => fulcioIssuers(text)).toThrow("expected true or false");
    },
  );

  itWithGo(`was compared with what it does${skipped}`, () => {
    const all = READ.length + REFUSED.length + TEXTS_FOR_SWITCHES.length + 1;
    recordEvidence(`Fulcio reads its issuer file as \`config from-fulcio\` does: ${String(all)} cases`);
  });
});
