import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Reason } from "../../../src/core/errors.ts";
import { DEFAULT_TOKEN_CHECKS } from "../../../src/core/identity/issuer.ts";
import { EMAIL, EMAIL_ISSUER, GITHUB_ISSUER, NOW, openDoor } from "../../support/door.ts";
import { certificateIn } from "../../support/issued.ts";
import { badToken } from "../../support/refusal.ts";
import type { Door } from "../../support/door.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import { makeTokenKey, signToken } from "../../support/tokens.ts";

/** One whose issuers were never asked for anything: every token here can be refused without a key. */
let fresh: Door;
let door: Door;
beforeAll(async () => {
  fresh = await openDoor();
  door = await openDoor();
});
afterAll(async () => {
  await fresh.close();
  await door.close();
});

/** Members as JSON text, so that numbers and escapes stay as they are written; `undefined` leaves one out. */
type Members = Readonly<Record<string, string | undefined>>;

function tokenOf(at: Door, members: Members): string {
  const good = Object.entries(at.claims()).map(([name, value]): [string, string] => [name, JSON.stringify(value)]);
  const all = Object.entries({ ...Object.fromEntries(good), ...members }).filter(([, text]) => text !== undefined);
  return signToken(at.key, `{${all.map(([name, text]) => `${JSON.stringify(name)}:${String(text)}`).join(",")}}`);
}

const quoted = (text: string): string => JSON.stringify(text);
const list = (count: number): string => JSON.stringify(["sigstore", ...Array.from({ length: count - 1 }, () => "x")]);
const at = (seconds: number): string => String(NOW + seconds);

// prettier-ignore
const REFUSED: readonly (readonly [row: string, name: string, members: Members, reason: Reason])[] = [
  ["[F1]", "no iss", { iss: undefined }, "TOKEN_CLAIM_MISSING"],
  ["[F1]", "an empty iss", { iss: '""' }, "ISSUER_UNKNOWN"],
  ["[F1]", "iss null", { iss: "null" }, "TOKEN_CLAIM_INVALID"],
  ["[F1]", "an iss that is a list", { iss: JSON.stringify([EMAIL_ISSUER]) }, "TOKEN_CLAIM_INVALID"],
  ["[F1]", "an iss that is a number", { iss: "1" }, "TOKEN_CLAIM_INVALID"],
  ["[F1]", "an iss that is an object", { iss: "{}" }, "TOKEN_CLAIM_INVALID"],
  ["[F1]", "an iss above 2 KiB", { iss: quoted(`https://canary.example/${"i".repeat(2048)}`) }, "ISSUER_UNKNOWN"],
  ["[F1]", "an iss with control characters", { iss: quoted(`${EMAIL_ISSUER}\n\u001b[31mcanary-of-iss\0`) }, "ISSUER_UNKNOWN"],

  ["[F2]", "an iss that is not configured", { iss: quoted("https://canary-unknown.example") }, "ISSUER_UNKNOWN"],

  ...[
    `${EMAIL_ISSUER}/`,
    "https://ISSUER.example.com",
    "HTTPS://issuer.example.com",
    "https://issuer.example.com:443",
    "https://issuer.example%2ecom",
    "https://%69ssuer.example.com",
    "https://issuer.example.com/.",
    "https://issuer.example.com/a/..",
    "https://issuer.example.com.",
    "https://user@issuer.example.com",
    "https://issuer.example.com@evil.example",
    "http://issuer.example.com",
    "https://xn--ssuer-2nf.example.com",
    "https://\u0456ssuer.example.com",
    "https://issuer.ex\u0430mple.com",
    "https://ⓘssuer.example.com",
    "https://issuer。example.com",
    `${EMAIL_ISSUER}?`,
    `${EMAIL_ISSUER}#`,
    ` ${EMAIL_ISSUER}`,
    `${EMAIL_ISSUER} `,
    `${EMAIL_ISSUER}\n`,
    `${EMAIL_ISSUER}\0`,
  ].map((iss) => ["[F3]", `the iss ${JSON.stringify(iss)}`, { iss: quoted(iss) }, "ISSUER_UNKNOWN"] as const),

  ["[F4]", "an iss without its scheme", { iss: quoted("issuer.example.com") }, "ISSUER_UNKNOWN"],
  ["[F4]", "an iss with slashes alone before it", { iss: quoted("//issuer.example.com") }, "ISSUER_UNKNOWN"],

  ["[F5]", "no aud", { aud: undefined }, "TOKEN_CLAIM_MISSING"],
  ["[F5]", "aud null", { aud: "null" }, "TOKEN_CLAIM_INVALID"],
  ["[F5]", "aud []", { aud: "[]" }, "TOKEN_CLAIM_INVALID"],
  ["[F5]", "an aud that is a number", { aud: "1" }, "TOKEN_CLAIM_INVALID"],
  ["[F5]", "an aud that is an object", { aud: '{"sigstore":true}' }, "TOKEN_CLAIM_INVALID"],
  ["[F5]", "a nested aud", { aud: '[["sigstore"]]' }, "TOKEN_CLAIM_INVALID"],
  ["[F5]", "an aud with a number", { aud: '["sigstore",1]' }, "TOKEN_CLAIM_INVALID"],
  ["[F5]", "an aud with null", { aud: '["sigstore",null]' }, "TOKEN_CLAIM_INVALID"],
  ["[F5]", "21 audiences", { aud: list(21) }, "TOKEN_CLAIM_INVALID"],

  ...["Sigstore", "SIGSTORE", "sigstor", "sigstore2", "sigstore ", " sigstore", "sigstore\n", "", "sig\u017ftore"].map((aud) =>
    ["[F6]", `the aud ${JSON.stringify(aud)}`, { aud: quoted(aud) }, "WRONG_AUDIENCE"] as const),

  ["[F9]", "no exp", { exp: undefined }, "TOKEN_CLAIM_MISSING"],
  ["[F9]", "exp null", { exp: "null" }, "TOKEN_CLAIM_INVALID"],
  ["[F9]", "an exp that is a text", { exp: quoted(at(600)) }, "TOKEN_CLAIM_INVALID"],
  ["[F9]", "exp true", { exp: "true" }, "TOKEN_CLAIM_INVALID"],
  ["[F9]", "an exp that is a list", { exp: `[${at(600)}]` }, "TOKEN_CLAIM_INVALID"],
  ["[F9]", "exp NaN, which is no JSON", { exp: "NaN" }, "TOKEN_MALFORMED"],
  ["[F9]", "exp 1e400", { exp: "1e400" }, "TOKEN_CLAIM_INVALID"],
  ["[F9]", "exp 0", { exp: "0" }, "TOKEN_CLAIM_INVALID"],
  ["[F9]", "exp -0", { exp: "-0" }, "TOKEN_CLAIM_INVALID"],
  ["[F9]", "a negative exp", { exp: `-${at(600)}` }, "TOKEN_CLAIM_INVALID"],

  ["[F10]", "exp now", { exp: at(0) }, "TOKEN_EXPIRED"],
  ["[F10]", "exp a second ago", { exp: at(-1), iat: at(-10) }, "TOKEN_EXPIRED"],

  ["[F11]", "a lifetime of 24 h and a second", { exp: at(86_401) }, "TOKEN_LIFETIME_TOO_LONG"],
  ["[F11]", "a lifetime of 24 h and a second that is almost over", { iat: at(-86_400), exp: at(1) }, "TOKEN_LIFETIME_TOO_LONG"],

  ["[F12]", "nbf 61 s ahead", { nbf: at(61) }, "TOKEN_NOT_YET_VALID"],
  ["[F12]", "an nbf that is a text", { nbf: quoted(at(0)) }, "TOKEN_CLAIM_INVALID"],

  ["[F13]", "no iat", { iat: undefined }, "TOKEN_CLAIM_MISSING"],
  ["[F13]", "iat 61 s ahead", { iat: at(61) }, "TOKEN_ISSUED_IN_FUTURE"],
  ["[F13]", "iat after exp", { iat: at(30), exp: at(29) }, "TOKEN_CLAIM_INVALID"],
  ["[F13]", "an iat that is a text", { iat: '"now"' }, "TOKEN_CLAIM_INVALID"],

  ["[F14]", "an exp that is over by a fraction", { exp: `${at(-1)}.999`, iat: at(-9) }, "TOKEN_EXPIRED"],
  ["[F14]", "an nbf that is ahead by 60 s and a fraction", { nbf: `${at(60)}.001` }, "TOKEN_NOT_YET_VALID"],

  ["[F15]", "no sub", { sub: undefined }, "TOKEN_CLAIM_MISSING"],
  ["[F15]", "an empty sub", { sub: '""' }, "TOKEN_CLAIM_INVALID"],
  ["[F15]", "sub null", { sub: "null" }, "TOKEN_CLAIM_INVALID"],
  ["[F15]", "a sub that is a number", { sub: "1" }, "TOKEN_CLAIM_INVALID"],
  ["[F15]", "a sub that is a list", { sub: '["canary"]' }, "TOKEN_CLAIM_INVALID"],
  ["[F15]", "a sub of 1,025 bytes", { sub: quoted("s".repeat(1025)) }, "TOKEN_CLAIM_INVALID"],
  ["[F15]", "a sub of 1,026 bytes in 513 characters", { sub: quoted("é".repeat(513)) }, "TOKEN_CLAIM_INVALID"],

  ["[F16]", "a sub with NUL", { sub: String.raw`"canary-in-sub\u0000x"` }, "TOKEN_CLAIM_INVALID"],
  ["[F16]", "a sub with a newline", { sub: String.raw`"canary-in-sub\nx"` }, "TOKEN_CLAIM_INVALID"],
  ["[F16]", "a sub with DEL", { sub: '"canary-in-sub\u007f"' }, "TOKEN_CLAIM_INVALID"],
  ["[F16]", "a sub with a bidi override", { sub: '"canary-in-sub\u202ex"' }, "TOKEN_CLAIM_INVALID"],
  ["[F16]", "a sub with a bidi isolate", { sub: '"canary-in-sub\u2066x"' }, "TOKEN_CLAIM_INVALID"],
  ["[F16]", "a sub with half a surrogate pair", { sub: String.raw`"canary-in-sub\ud800x"` }, "TOKEN_MALFORMED"],
  ["[F16]", "a sub with the other half", { sub: String.raw`"canary-in-sub\udc00"` }, "TOKEN_MALFORMED"],

  ["[F21]", "a token for the issuer's own default audience", { iss: quoted(GITHUB_ISSUER), aud: '"https://github.com/octo-org"' }, "WRONG_AUDIENCE"],
];

describe("a token with unfit claims is refused before anything is fetched", () => {
  it.each(REFUSED)("%s %s", async (_row, _name, members, reason) => {
    for (const name of ["iss", "sub"]) fresh.keepSecret(String(JSON.parse(members[name] ?? '""')));
    fresh.keepSecret("canary-unknown.example", "canary-of-iss\\u0000", "https://canary.example/iiii");
    const answer = await fresh.sign({ token: tokenOf(fresh, members) });
    fresh.expectRefused(answer, badToken(reason));
    expect(fresh.fetched).toEqual([]);
  });
});

describe("a token with the claims it needs is taken", () => {
  it.each<[string, string, Members]>([
    ["[F5]", "20 audiences", { aud: list(20) }],
    ["[F7]", "ours among other audiences", { aud: '["https://other.example","sigstore","x"]' }],
    ["[F8]", "azp of another client", { azp: '"other-client"' }],
    ["[F8]", "azp of another client beside several audiences", { aud: list(2), azp: '"x"' }],
    ["[F10]", "exp in a second", { exp: at(1) }],
    ["[F11]", "a lifetime of 24 h", { exp: at(86_400) }],
    ["[F12]", "nbf 60 s ahead", { nbf: at(60) }],
    ["[F13]", "iat 60 s ahead", { iat: at(60) }],
    ["[F14]", "times with fractions", { iat: `${at(-1)}.25`, nbf: `${at(59)}.75`, exp: `${at(0)}.5` }],
    ["[F14]", "a time with an exponent", { exp: "1.8000001e9" }],
    ["[F15]", "a sub of 1,024 bytes", { sub: quoted("é".repeat(512)) }],
    [
      "[F18]",
      "distributed claims",
      {
        _claim_names: '{"groups":"evil","email":"evil"}',
        _claim_sources: '{"evil":{"endpoint":"https://evil.example/claims","access_token":"x"}}',
      },
    ],
    ["[F19]", "nonce", { nonce: "1" }],
    ["[F19]", "at_hash that matches nothing", { at_hash: '"AAAA"' }],
    ["[F19]", "cnf", { cnf: '{"jkt":"AAAA"}' }],
    ["[F19]", "unknown claims of every type", { a: "null", b: "[1]", c: '{"d":{}}', e: "true", f: '"\\u0000"' }],
  ])("%s %s", async (_row, _name, members) => {
    const leaf = door.expectIssued(await door.sign({ token: tokenOf(door, members) }));
    expect(leaf.subjectAltName).toBe(`email:${EMAIL}`);
    expect(door.fetched.filter((url) => !url.startsWith(`${EMAIL_ISSUER}/`))).toEqual([]);
  });
});

describe("a token that comes again", () => {
  it("[F20] gives 20 certificates with 20 serial numbers to 20 callers at once", async () => {
    const { signatures, entries } = door.used;
    const token = door.token();
    const answers = await Promise.all(Array.from({ length: 20 }, () => door.sign({ token })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const leaves = answers.map(certificateIn);
    expect(new Set(leaves.map(({ serialNumber }) => serialNumber)).size).toBe(20);
    expect(door.used).toMatchObject({ signatures: signatures + 40, entries: entries + 20 });
  });

  it("[F20b] gives one certificate to 20 callers at once where tokens are for one use", async () => {
    const tokenChecks = { ...DEFAULT_TOKEN_CHECKS, isForOneUse: true };
    const strict = await openDoor({ memoryIssuers: [issuerSettings({ url: EMAIL_ISSUER, tokenChecks })] });
    const stranger = makeTokenKey("ES256", "ec-1");
    try {
      const forged = await strict.sign({ token: signToken(stranger, strict.claims({ jti: "id-1" })) });
      strict.expectRefused(forged, badToken("TOKEN_SIGNATURE_INVALID"));
      const tokens = Array.from({ length: 20 }, () => strict.token({ jti: "id-1" }));
      const answers = await Promise.all(tokens.map((token) => strict.sign({ token })));
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused.map(({ text }) => /"reason":"(\w+)"/u.exec(text)?.[1])).toEqual(
        Array.from({ length: 19 }, () => "TOKEN_USED"),
      );
      expect(strict.used).toMatchObject({ signatures: 2, entries: 1 });
    } finally {
      await strict.close();
    }
  });
});

describe("claims that go into the certificate", () => {
  const tooLong = { status: 400, code: 3, message: "There was an error processing the identity token" } as const;

  it.each(["workflow", "ref", "event_name", "environment"])("[F22] are refused above 1 KiB: %s", async (name) => {
    const answer = await door.signAsJob({ [name]: "c".repeat(1025) });
    door.expectRefused(answer, badToken("TOKEN_CLAIM_INVALID"));
  });

  it("[F22] are refused above 1 KiB when their URI's host makes them so", async () => {
    const answer = await door.signAsJob({ workflow_ref: `octo-org/${"c".repeat(1000)}` });
    door.expectRefused(answer, { ...tooLong, reason: "EXTENSIONS_TOO_LONG" });
  });

  it("[F22] are refused above 8 KiB together, and taken up to that", async () => {
    const long = "c".repeat(1000);
    // Event and commit are in two extensions each.
    const claims = { workflow: long, event_name: long, environment: long, sha: long, runner_environment: long };
    door.expectIssued(await door.signAsJob(claims));
    const more = { ...claims, job_workflow_sha: long, workflow_sha: long };
    door.expectRefused(await door.signAsJob(more), { ...tooLong, reason: "EXTENSIONS_TOO_LONG" });
  });
});
