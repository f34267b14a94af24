import { afterAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIssuers } from "../../src/compose/open-issuers.ts";
import { ConfigError, judgeConfig } from "../../src/config/load-config.ts";
import type { JudgedConfig } from "../../src/config/load-config.ts";
import type { IssuerConfig } from "../../src/config/schema.ts";
import { SHIPPED_ISSUERS } from "../support/fulcio.ts";
import { fulcioFileAsJson } from "../support/fulcio-json.ts";
import { ANCHORS } from "../support/service.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-fulcio-file-"));
const FILE = join(folder, "issuers.yaml");
const CONFIG = join(folder, "mayfly.yaml");
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const REST = `
environment: development
dataDirectory: data
http: { listen: "127.0.0.1:5555" }
operations: { listen: "127.0.0.1:2112" }
ca: { signer: { kind: memory } }
log: { origin: ca.example.com/log, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }
issuers:
`;

/** The configuration with this text as Fulcio's issuer file. */
function judge(fulcio: string, shared = "sharedIssuers: as-fulcio", list = ""): JudgedConfig {
  writeFileSync(FILE, fulcio);
  const member = shared === "" ? "" : `, ${shared}`;
  return judgeConfig(`${REST}  fulcio: { path: issuers.yaml${member} }\n${list}`, CONFIG);
}

/** What is said against it, each line without the folder's name. */
function problems(...given: Parameters<typeof judge>): readonly string[] {
  try {
    judge(...given);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, "").split("\n");
    throw error;
  }
  throw new Error("it was taken");
}

const issuer = (members: string, url = "https://login.example.com"): string =>
  `oidc-issuers:\n  ${JSON.stringify(url)}:\n    issuer-url: ${JSON.stringify(url)}\n    client-id: me\n    ${members.replaceAll(", ", "\n    ")}\n`;

const find = (issuers: readonly IssuerConfig[], url: string): IssuerConfig | undefined =>
  issuers.find((one) => one.url === url);

describe("Fulcio's own issuer file", () => {
  const KINDS = new Map([
    ["chainguard", 1],
    ["ci-provider", 16],
    ["email", 7],
    ["kubernetes", 7],
  ]);

  it.each([
    ["[FC140] [FC144] YAML", SHIPPED_ISSUERS],
    ["[FC141] [R5] JSON, in camel case", fulcioFileAsJson(SHIPPED_ISSUERS)],
    [
      "[R5] JSON, in lower case",
      fulcioFileAsJson(SHIPPED_ISSUERS).replaceAll(/"[A-Z][A-Za-z]+":/gu, (name) => name.toLowerCase()),
    ],
  ])("is taken whole, with its patterns, from %s", (_, text) => {
    const { config, warnings } = judge(text);
    expect(warnings).toEqual([]);
    expect(config.issuers).toHaveLength(31);
    expect(config.issuers.every(({ audience, allow }) => audience === "sigstore" && allow === "any")).toBe(true);
    const kinds = Map.groupBy(config.issuers, ({ identity }) => identity.kind);
    expect(new Map([...kinds].map(([kind, of]) => [kind, of.length]))).toEqual(KINDS);
    expect(find(config.issuers, "https://oauth2.sigstore.dev/auth")?.identity).toMatchObject({
      kind: "email",
      issuerClaim: ["federated_claims", "connector_id"],
    });
    expect(find(config.issuers, "https://oidc.circleci.com/org/*")?.identity).toMatchObject({
      kind: "ci-provider",
      provider: "circleci-job",
    });
  });

  it("[R1b] has a list of anchors under define, which is no unknown setting", () => {
    expect(SHIPPED_ISSUERS).toContain("\ndefine:\n");
    expect(judge(SHIPPED_ISSUERS).config.issuers).toHaveLength(31);
  });

  it("is refused without a word about shared issuers, which are listed with the line to write", () => {
    const [first, ...rest] = problems(SHIPPED_ISSUERS, "");
    expect(first).toContain(
      "mayfly.yaml:9: issuers.fulcio: write `sharedIssuers: refuse`, or `sharedIssuers: as-fulcio`",
    );
    expect(rest).toHaveLength(31);
    expect(rest[0]).toMatch(
      /^issuers\.yaml:\d+: oidc-issuers\["https:\/\/accounts\.google\.com"\]: many organizations share/u,
    );
  });

  it("is refused with a word where no issuer is shared, too: the next one may be", () => {
    expect(problems(issuer("type: email"), "")).toEqual([
      expect.stringContaining("none of the issuers in it is known"),
    ]);
  });

  it("is refused for each shared issuer that has no entry of its own", () => {
    const list = `  list:
    - url: https://accounts.google.com
      identity: { kind: email, domains: [example.com] }
      allow: [{ claims: { hd: example.com } }]
`;
    const google = issuer("type: email", "https://accounts.google.com").replace("client-id: me", "client-id: sigstore");
    expect(problems(google, "sharedIssuers: refuse")).toEqual([expect.stringContaining("issuers.list")]);
    const { config } = judge(google, "sharedIssuers: refuse", list);
    expect(config.issuers).toHaveLength(1);
    expect(config.issuers[0]).toMatchObject({
      url: "https://accounts.google.com",
      identity: { domains: ["example.com"] },
    });
    expect(problems(google.replace("sigstore", "other"), "sharedIssuers: refuse", list)).toHaveLength(1);
  });
});

describe("an issuer of Fulcio's file", () => {
  it("[FC127] has its switch for unverified addresses, off when it is not there", () => {
    const trust = (members: string): unknown => judge(issuer(members)).config.issuers[0]?.identity;
    expect(trust("type: email, skip-email-verification: true")).toMatchObject({ emailTrust: "unverified" });
    expect(trust("type: email")).toMatchObject({ emailTrust: "verified", acceptTextVerified: true });
  });

  it("has its certificates, which need no file", () => {
    const { config } = judge(issuer(`type: email, ca-cert: ${JSON.stringify(`a comment\n${ANCHORS.chainPem}`)}`));
    expect(openIssuers(config.issuers)).toMatchObject([{ caCertificatePem: ANCHORS.chainPem }]);
  });

  const SERVICE = "https://kubernetes.default.svc";
  const fileOf = (...urls: readonly string[]): string =>
    ["oidc-issuers", "meta-issuers"]
      .map((group) => {
        const members = urls
          .filter((url) => url.includes("*") === (group === "meta-issuers"))
          .map(
            (url) =>
              `  "${url}": { ${group === "meta-issuers" ? "" : `issuer-url: "${url}", `}client-id: me, type: kubernetes }`,
          );
        return members.length === 0 ? "" : `${group}:\n${members.join("\n")}\n`;
      })
      .join("");

  it.each([
    [SERVICE, [SERVICE]],
    [`${SERVICE}.cluster.local`, [`${SERVICE}.cluster.local`, SERVICE]],
    [`${SERVICE}.corp.internal`, [`${SERVICE}.corp.internal`, "https://*.default.svc"]],
  ])("[FC139] of the cluster, as %s, is asked as a service account, over the cluster's own authority", (url, urls) => {
    expect(judge(fileOf(...urls)).config.issuers.find((one) => one.url === url)).toMatchObject({
      allowPrivateNetwork: true,
      caCertificate: "/var/run/fulcio/ca.crt",
      bearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
    });
  });

  it.each([
    ["https://k8s.example.com", ["https://k8s.example.com", SERVICE]],
    [`${SERVICE}.example.com`, [`${SERVICE}.example.com`, SERVICE]],
    ["https://kubernetes.default.svcs.local", ["https://kubernetes.default.svcs.local", SERVICE]],
    [`${SERVICE}.cluster.local`, [`${SERVICE}.cluster.local`]],
    ["https://*.default.svc", ["https://*.default.svc", SERVICE]],
  ])("[FC139] elsewhere, as %s, is never shown the service account's token", (url, urls) => {
    const issuer = judge(fileOf(...urls)).config.issuers.find((one) => one.url === url);
    expect(issuer).toBeDefined();
    expect(issuer).not.toHaveProperty("bearerTokenFile");
    expect(issuer).not.toHaveProperty("caCertificate");
  });

  it("in a private network is one, and no pattern is", () => {
    expect(judge(issuer("type: email", "https://dex.dex.svc")).config.issuers[0]?.allowPrivateNetwork).toBe(true);
    expect(judge(issuer("type: email")).config.issuers[0]?.allowPrivateNetwork).toBe(false);
    const pattern = `meta-issuers: { "https://*.dex.svc/a": { client-id: me, type: kubernetes } }`;
    expect(judge(pattern).config.issuers[0]?.allowPrivateNetwork).toBe(false);
  });

  it("stands behind those of the list", () => {
    const list = "  list: [{ url: https://own.example.com, identity: { kind: email } }]\n";
    const { config } = judge(issuer("type: email"), "sharedIssuers: refuse", list);
    expect(config.issuers.map(({ url }) => url)).toEqual(["https://own.example.com", "https://login.example.com"]);
  });

  const CI = `
ci-issuer-metadata:
  mine:
    default-template-values: { url: https://ci.example.com }
    extension-templates:
      build-trigger: event
    subject-alternative-name-template: "{{ .url }}/{{ .job }}"
`;
  const ofMine = issuer("type: ci-provider, ci-provider: mine") + CI;

  const REFUSED: readonly [name: string, text: string, line: number, setting: string, says: string][] = [
    [
      "[R2b] under another URL",
      issuer("type: email").replace("    issuer-url: ", "    issuer-url: https://x#"),
      3,
      ".issuer-url",
      "is not https://login.example.com",
    ],
    [
      "without its URL",
      issuer("type: email").replace(/ {4}issuer-url.*\n/u, ""),
      2,
      ".issuer-url",
      "missing: expected https://login.example.com",
    ],
    [
      "without an audience",
      issuer("type: email").replace("client-id: me", 'client-id: ""'),
      4,
      ".client-id",
      "missing",
    ],
    ["of no type", issuer("description: x"), 2, ".type", "missing; there are"],
    ["of a mistyped type", issuer("type: emial"), 5, ".type", "no such type; did you mean email?"],
    [
      "[FC107] of a type of its own with a challenge",
      issuer("type: custom, challenge-claim: upn"),
      5,
      ".type",
      "no such type",
    ],
    [
      "with a challenge that is not what callers sign",
      issuer("type: email, challenge-claim: sub"),
      6,
      ".challenge-claim",
      "callers sign email",
    ],
    [
      "with a claim for the issuer and no addresses",
      issuer("type: kubernetes, issuer-claim: $.a"),
      6,
      ".issuer-claim",
      "only email issuers can use issuer claim mapping",
    ],
    [
      "with a domain that means nothing",
      issuer("type: email, subject-domain: a.example.com"),
      6,
      ".subject-domain",
      "only with uri and username",
    ],
    [
      "with a trust domain that means nothing",
      issuer("type: email, spiffe-trust-domain: a"),
      6,
      ".spiffe-trust-domain",
      "only with spiffe",
    ],
    [
      "with a switch that means nothing",
      issuer("type: uri, skip-email-verification: true, subject-domain: https://login.example.com"),
      6,
      ".skip-email-verification",
      "only with email",
    ],
    [
      "with a provider that means nothing",
      issuer("type: email, ci-provider: mine") + CI,
      6,
      ".ci-provider",
      "only with ci-provider",
    ],
    [
      "[R6b] of a provider that is not there",
      issuer("type: ci-provider, ci-provider: mini") + CI,
      6,
      ".ci-provider",
      "ci-issuer-metadata has no mini; did you mean mine?",
    ],
    ["of no provider", issuer("type: ci-provider") + CI, 2, ".ci-provider", "missing: which of ci-issuer-metadata"],
    [
      "of spiffe without a trust domain",
      issuer("type: spiffe"),
      2,
      ".spiffe-trust-domain",
      "expected the name of a trust domain",
    ],
    [
      "of users of somebody else's domain",
      issuer("type: username, subject-domain: other.example.org"),
      6,
      ".subject-domain",
      "not below one registered domain",
    ],
    [
      "with a path of claims that is none",
      issuer("type: email, issuer-claim: $..a"),
      6,
      ".issuer-claim",
      "expected a path of plain names",
    ],
    ["with a certificate that is none", issuer("type: email, ca-cert: PEM"), 6, ".ca-cert", "no PEM certificate"],
    [
      "with a certificate that is cut off",
      issuer(`type: email, ca-cert: ${JSON.stringify(`${ANCHORS.chainPem}-----BEGIN CERTIFICATE-----\nMIIB`)}`),
      6,
      ".ca-cert",
      "no PEM certificate",
    ],
    [
      "with a mistyped setting",
      issuer("type: email, contakt: x"),
      6,
      ".contakt",
      "unknown setting; did you mean contact?",
    ],
    ["with a star", issuer("type: email", "https://*.example.com"), 2, "", "expected it among meta-issuers"],
    [
      "without TLS",
      issuer("type: email", "http://login.example.com"),
      2,
      "",
      "an issuer without TLS must be on a loopback address",
    ],
    ["with a query", issuer("type: email", "https://login.example.com/?a"), 2, "", "no query"],
  ];
  it.each(REFUSED)("is refused by line and setting: one %s", (_, text, line, setting, says) => {
    const found = problems(text);
    const url = /^ {2}(?<url>"[^"]+")/mu.exec(text)?.groups?.["url"] ?? "";
    expect(found).toContainEqual(expect.stringContaining(`issuers.yaml:${line}: oidc-issuers[${url}]${setting}: `));
    expect(found.join("\n")).toContain(says);
  });

  it.each([
    [
      "[FC142] an extension's template",
      ofMine.replace("build-trigger: event", 'build-trigger: "{{.event"'),
      12,
      "extension-templates.build-trigger",
    ],
    ["[FC142] the name's template", ofMine.replace("{{ .job }}", "{{ .job"), 13, "subject-alternative-name-template"],
    [
      "no template for the name",
      ofMine.replace(/ {4}subject-alternative-name-template.*\n/u, ""),
      9,
      "subject-alternative-name-template",
    ],
  ])("is refused with %s, once for all its issuers", (_, text, line, setting) => {
    expect(problems(text)).toEqual([
      expect.stringMatching(`^issuers\\.yaml:${line}: ci-issuer-metadata\\.mine\\.${setting.replaceAll(".", "\\.")}: `),
    ]);
  });

  it("[FC142] is taken with a template that closes", () => {
    const { identity } = judge(ofMine.replace("event", '"{{.event}}"')).config.issuers[0]!;
    expect(identity).toMatchObject({ kind: "ci-provider", provider: "mine" });
  });

  it("[R6b] leaves metadata that nobody uses to a warning", () => {
    expect(judge(issuer("type: email") + CI).warnings).toEqual([
      `${FILE}:8: ci-issuer-metadata: no issuer is of this provider: mine`,
    ]);
  });
});

describe("a pattern of Fulcio's file", () => {
  const meta = (entries: string): string => `meta-issuers:\n${entries}`;
  it.each([
    ["without a star", meta(`  "https://a.example.com": { client-id: me, type: kubernetes }\n`), "without a star"],
    [
      "[FC93] of spiffe",
      meta(`  "https://*.example.com": { client-id: me, type: spiffe, spiffe-trust-domain: a.b }\n`),
      "SPIFFE",
    ],
    [
      "that anybody could register",
      meta(`  "https://*.com": { client-id: me, type: kubernetes }\n`),
      "allowBroadWildcard",
    ],
    [
      "with a domain that means nothing",
      meta(`  "https://*.example.com": { client-id: me, type: email, subject-domain: x }\n`),
      "only with uri and username",
    ],
    [
      "that has another URL beside it",
      meta(`  "https://*.example.com": { issuer-url: "https://a", client-id: me, type: email }\n`),
      "is not https://*.example.com",
    ],
    [
      "that shares URLs with another",
      meta(
        `  "https://*.example.com": { client-id: me, type: email }\n  "https://a*.example.com": { client-id: me, type: email }\n`,
      ),
      "there are URLs that both",
    ],
  ])("is refused %s, with its line", (_, text, says) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^issuers\.yaml:[23]: meta-issuers\["https:/u);
    expect(found[0]).toContain(says);
  });
});

describe("a file that is none of Fulcio's", () => {
  it.each([
    ["JSON that is none, which Fulcio would take for no issuers", '{"OIDCIssuers": {', "starts like JSON and is not"],
    ["YAML that is none", "oidc-issuers: [", "not YAML"],
    ["a list", "[]", "expected a mapping"],
    [
      "a value of another type",
      "oidc-issuers: { a: { type: [x] } }",
      "issuers.yaml:1: oidc-issuers: a: type: expected a text",
    ],
    [
      "a name of JSON in YAML",
      "OIDCIssuers: {}",
      "issuers.yaml:1: OIDCIssuers: unknown setting; did you mean oidc-issuers?",
    ],
    [
      "a name of JSON twice, in other cases",
      '{\n"OIDCIssuers": {},\n"oidcissuers": { "https://a.example.com": {} }}',
      "issuers.yaml:2: oidcissuers: expected one setting of this name",
    ],
    ["a name of YAML in JSON", '{\n"oidc-issuers": {}}', "issuers.yaml:2: oidc-issuers: unknown setting"],
    ["nothing", "", "issuers.yaml:1: oidc-issuers: no issuer stands in the file"],
    ["comments alone", "# soon\n", "issuers.yaml:1: oidc-issuers: no issuer stands in the file"],
    ["nothing, as JSON", "{}", "issuers.yaml:1: oidc-issuers: no issuer stands in the file"],
    [
      "no issuer",
      "define: []\noidc-issuers:\nmeta-issuers: {}\n",
      "issuers.yaml:2: oidc-issuers: no issuer stands in the file",
    ],
    [
      "a setting of JSON twice, in two cases",
      '{"OIDCIssuers": {"https://a.example.com": {\n"ClientID": "a",\n"clientid": "b"}}}',
      "issuers.yaml:2: oidc-issuers: https://a.example.com: clientid: expected one setting of this name",
    ],
    [
      "an issuer twice",
      `${issuer("type: email")}${issuer("type: email").replace("oidc-issuers:\n", "")}`,
      "not YAML (duplicate key)",
    ],
  ])("is refused: %s", (_, text, says) => {
    expect(problems(text).join("\n")).toContain(says);
  });

  it("is refused when it has lost its content, whatever stands in the list beside it", () => {
    const list = `  list:\n    - url: https://login.example.com\n      identity: { kind: email }\n`;
    expect(problems("", "sharedIssuers: refuse", list)).toEqual([
      "issuers.yaml:1: oidc-issuers: no issuer stands in the file",
    ]);
  });

  it("is no other file in JSON that is indented by tabs", () => {
    const text = JSON.stringify(JSON.parse(fulcioFileAsJson(SHIPPED_ISSUERS)), undefined, "\t");
    expect(judge(text).config.issuers).toHaveLength(31);
  });

  it("[FC143] is refused when it is missing: nobody's defaults are trusted", () => {
    expect(() => judgeConfig(`${REST}  fulcio: { path: nowhere.yaml, sharedIssuers: refuse }\n`, CONFIG)).toThrow(
      `${join(folder, "nowhere.yaml")}: cannot be read`,
    );
  });
});

describe("the issuers of a configuration", () => {
  const list = (text: string): readonly string[] => {
    try {
      judgeConfig(`${REST}${text}`, CONFIG);
    } catch (error) {
      if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, "").split("\n");
    }
    return [];
  };
  it.each([
    ["neither a list nor Fulcio's file", "  {}\n", "mayfly.yaml:9: issuers: expected fulcio, list, or both"],
    ["an empty list and no file", "  list: []\n", "mayfly.yaml:9: issuers: expected fulcio, list, or both"],
    ["a text", "  none\n", "mayfly.yaml:9: issuers: expected a list of issuers, or fulcio and list"],
    [
      "an unknown member",
      "  fulcios: { path: x }\n",
      "mayfly.yaml:9: issuers.fulcios: unknown setting; did you mean fulcio?",
    ],
    [
      "a mistyped setting in a list",
      "  - urll: https://a.example.com\n",
      "mayfly.yaml:9: issuers[0].urll: unknown setting; did you mean url?",
    ],
    [
      "a mistyped setting in the list beside the file",
      "  list:\n    - urll: https://a.example.com\n",
      "mayfly.yaml:10: issuers.list[0].urll: unknown setting; did you mean url?",
    ],
    [
      "an unknown pack in the list beside the file",
      "  list:\n    - url: https://a.example.com\n      identity: { kind: ci-provider, provider: x }\n",
      "mayfly.yaml:11: issuers.list[0].identity.provider: no such provider",
    ],
    [
      "an issuer of the list that is refused",
      "  list:\n    - url: https://localhost\n      identity: { kind: email }\n",
      "mayfly.yaml:10: issuers.list[0].url: an issuer on this machine needs",
    ],
    [
      "another word for shared issuers",
      "  fulcio: { path: x, sharedIssuers: any }\n",
      "mayfly.yaml:9: issuers.fulcio.sharedIssuers: ",
    ],
    ["no path", "  fulcio: { sharedIssuers: refuse }\n", "mayfly.yaml:9: issuers.fulcio.path: "],
  ])("cannot be %s", (_, text, says) => {
    expect(list(text)).toContainEqual(expect.stringContaining(says));
  });

  it("may be a list in a member beside no file", () => {
    expect(list("  list: [{ url: https://a.example.com, identity: { kind: email } }]\n")).toEqual([]);
  });
});
