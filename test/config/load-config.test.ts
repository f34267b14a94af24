import { describe, expect, it, jest } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { ConfigError, loadConfig, parseConfig } from "../../src/config/load-config.ts";
import { unsafeOptions } from "../../src/config/rules.ts";
import { configJsonSchema } from "../../src/config/schema.ts";

const root = join(import.meta.dirname, "..", "..");

const GOOD = `environment: development
dataDirectory: data
http: { listen: 127.0.0.1:5555 }
operations: { listen: 127.0.0.1:2112 }
ca:
  signer: { kind: memory }
log:
  origin: example.com/log
  store: { kind: memory }
  signer: { kind: memory }
  checkpointSigner: { kind: memory }
issuers:
  - url: https://issuer.example.com
    identity: { kind: email }
`;

/** GOOD with one replacement, and what the refusal must say. */
interface Refusal {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly says: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "R01: an unknown key on top",
    from: "dataDirectory: data",
    to: "dataDirectory: data\nfoo: 1",
    says: "c.yaml:3: foo: unknown setting",
  },
  {
    name: "R01: a mistyped key, with the name that was meant",
    from: "listen: 127.0.0.1:5555",
    to: "lisen: 127.0.0.1:5555",
    says: "http.lisen: unknown setting; did you mean listen?",
  },
  {
    name: "R01: a mistyped key inside an alternative",
    from: "{ kind: email }",
    to: "{ kind: email, emailTurst: verified }",
    says: "issuers[0].identity.emailTurst: unknown setting; did you mean emailTrust?",
  },
  {
    name: "R02: a member twice",
    from: "dataDirectory: data",
    to: "dataDirectory: data\ndataDirectory: more",
    says: "Map keys must be unique",
  },
  {
    name: "R02: an issuer twice",
    from: "    identity: { kind: email }\n",
    to: "    identity: { kind: email }\n  - url: https://issuer.example.com\n    identity: { kind: email }\n",
    says: "issuers[1].url: this issuer is configured twice",
  },
  {
    name: "R03: no issuers",
    from: "issuers:\n  - url: https://issuer.example.com\n    identity: { kind: email }",
    to: "issuers: []",
    says: "issuers: Too small",
  },
  {
    name: "R04: a tab for indentation",
    from: "  signer: { kind: memory }\nlog",
    to: "\tsigner: { kind: memory }\nlog",
    says: "c.yaml:",
  },
  { name: "R04: an unknown tag", from: "dataDirectory: data", to: "dataDirectory: !env data", says: "Unresolved tag" },
  { name: "R04: two documents", from: "dataDirectory: data", to: "dataDirectory: data\n---\na: b", says: "c.yaml:" },
  {
    name: "R06: an unknown identity kind",
    from: "kind: email",
    to: "kind: carrier-pigeon",
    says: "issuers[0].identity.kind",
  },
  {
    name: "R08: an http issuer",
    from: "https://issuer",
    to: "http://issuer",
    says: "issuers[0].url: expected an https URL",
  },
  {
    name: "R08: an http issuer off loopback, even in development",
    from: "url: https://issuer.example.com",
    to: "url: http://issuer.example.com\n    allowInsecureHttp: true",
    says: "must be on a loopback address",
  },
  {
    name: "R08: an issuer with a query",
    from: "issuer.example.com",
    to: "issuer.example.com?a=b",
    says: "no query, fragment or user information",
  },
  {
    name: "R08: an issuer with user information",
    from: "issuer.example.com",
    to: "me@issuer.example.com",
    says: "no query, fragment or user information",
  },
  {
    name: "R08: an issuer with a non-ASCII host",
    from: "issuer.example.com",
    to: "íssuer.example.com",
    says: "printable ASCII",
  },
  {
    name: "a discovery document without TLS",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    discoveryUrl: http://idp.example.com/x",
    says: "issuers[0].discoveryUrl: expected an https URL",
  },
  {
    name: "a discovery document with user information",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    discoveryUrl: https://me@idp.example.com/x",
    says: "issuers[0].discoveryUrl",
  },
  {
    name: "a URL of keys that is no URL",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    jwksUrl: keys.example.com",
    says: "issuers[0].jwksUrl",
  },
  {
    name: "keys at a URL and in a file",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    jwksUrl: https://keys.example.com/x\n    jwksFile: keys.json",
    says: "issuers[0].jwksUrl: is of no use with jwksFile",
  },
  {
    name: "a discovery document and keys at a URL",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    discoveryUrl: https://a.example.com/x\n    jwksUrl: https://keys.example.com/x",
    says: "issuers[0].discoveryUrl: is of no use with jwksUrl",
  },
  {
    name: "a bearer token and keys in a file",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    bearerTokenFile: token\n    jwksFile: keys.json",
    says: "issuers[0].bearerTokenFile: is of no use with jwksFile",
  },
  {
    name: "a host of keys that is a URL",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    jwksHosts: ['https://keys.example.com']",
    says: "issuers[0].jwksHosts[0]: expected a host",
  },
  {
    name: "an algorithm of a shared secret",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    algorithms: [HS256]",
    says: "issuers[0].algorithms[0]",
  },
  {
    name: "a token without a signature",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    algorithms: [none]",
    says: "issuers[0].algorithms[0]",
  },
  {
    name: "keys that outlive their issuer by more than a day",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    staleKeysSeconds: 86401",
    says: "issuers[0].staleKeysSeconds",
  },
  {
    name: "more than five minutes of leeway",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    leewaySeconds: 301",
    says: "issuers[0].leewaySeconds",
  },
  {
    name: "tokens that live for ever",
    from: "identity: { kind: email }",
    to: "identity: { kind: email }\n    maxLifetimeSeconds: 99999999",
    says: "issuers[0].maxLifetimeSeconds",
  },
  {
    name: "R13: an empty list of algorithms",
    from: "dataDirectory: data",
    to: "dataDirectory: data\nclientKeys: { algorithms: [] }",
    says: "clientKeys.algorithms: Too small",
  },
  {
    name: "R13: an unknown algorithm",
    from: "dataDirectory: data",
    to: "dataDirectory: data\nclientKeys: { algorithms: [rot13] }",
    says: "clientKeys.algorithms[0]",
  },
  {
    name: "R14: a negative lifetime",
    from: "signer: { kind: memory }\nlog",
    to: "signer: { kind: memory }\n  lifetimeSeconds: -1\nlog",
    says: "ca.lifetimeSeconds: Too small",
  },
  {
    name: "R14: a lifetime that is no number",
    from: "signer: { kind: memory }\nlog",
    to: "signer: { kind: memory }\n  lifetimeSeconds: .nan\nlog",
    says: "ca.lifetimeSeconds",
  },
  { name: "R14: a port above 65535", from: "127.0.0.1:5555", to: "127.0.0.1:70000", says: "a port is at most 65535" },
  {
    name: "R14: a listener without a port",
    from: "127.0.0.1:5555",
    to: "127.0.0.1",
    says: "http.listen: expected host:port",
  },
  {
    name: "R14: one address for both listeners",
    from: "127.0.0.1:2112",
    to: "127.0.0.1:5555",
    says: "operations.listen: the same address as http.listen",
  },
  {
    name: "memory keys in production",
    from: "environment: development",
    to: "environment: production",
    says: "ca.signer.kind: a key that is forgotten at exit is allowed only with environment: development",
  },
  {
    name: "a memory log in production",
    from: "environment: development",
    to: "environment: production",
    says: "log.store.kind: a log that is forgotten at exit",
  },
  {
    name: "an issuer without TLS in production",
    from: GOOD,
    to: GOOD.replace("development", "production").replace(
      "url: https://issuer.example.com",
      "url: http://127.0.0.1:1\n    allowInsecureHttp: true",
    ),
    says: "issuers[0].allowInsecureHttp: an issuer without TLS is allowed only with environment: development",
  },
  {
    name: "a file key without a chain",
    from: "ca:\n  signer: { kind: memory }",
    to: "ca:\n  signer: { kind: file, path: k, passphrase: { env: P } }",
    says: "ca.chain: required",
  },
  {
    name: "a chain beside a memory key",
    from: "ca:\n",
    to: "ca:\n  chain: chain.pem\n",
    says: "a memory signer makes its own chain",
  },
  {
    name: "plain HTTP off loopback",
    from: "127.0.0.1:5555",
    to: "0.0.0.0:5555",
    says: "http.listen: plain HTTP off loopback",
  },
  {
    name: "plain HTTP off loopback, naming both ways out",
    from: "127.0.0.1:5555",
    to: '"[::]:5555"',
    says:
      "write http.tls: { certificate: FILE, key: FILE }, or, where TLS ends in front of Mayfly, " +
      "http.allowPlainHttpOffLoopback: true",
  },
  {
    name: "operations off loopback, naming the way out",
    from: "127.0.0.1:2112",
    to: '"[::]:2112"',
    says:
      "operations.listen: off loopback anyone who reaches it reads metrics and readiness; where only probes and " +
      "monitoring do, write operations.allowPlainHttpOffLoopback: true",
  },
  {
    name: "TLS together with plain HTTP",
    from: "127.0.0.1:5555 }",
    to: "0.0.0.0:5555, tls: { certificate: c, key: k }, allowPlainHttpOffLoopback: true }",
    says: "http.allowPlainHttpOffLoopback: contradicts http.tls",
  },
  {
    name: "TLS without a key",
    from: "127.0.0.1:5555 }",
    to: "0.0.0.0:5555, tls: { certificate: c } }",
    says: "http.tls.key: ",
  },
  {
    name: "a secret in the file itself",
    from: "ca:\n  signer: { kind: memory }",
    to: "ca:\n  chain: c\n  signer: { kind: file, path: k, passphrase: hunter2 }",
    says: "ca.signer.passphrase",
  },
  {
    name: "an origin with a scheme",
    from: "origin: example.com/log",
    to: "origin: https://example.com/log",
    says: "log.origin: expected the log's URL without scheme",
  },
  {
    name: "an origin that no URL can have: an empty label",
    from: "origin: example.com/log",
    to: "origin: example..com/log",
    says: "log.origin: expected the log's URL",
  },
  {
    name: "an origin that no URL can have: a port above 65535",
    from: "origin: example.com/log",
    to: "origin: example.com:70000/log",
    says: "log.origin: no such host or port can exist",
  },
  {
    name: "an origin whose path clients would resolve to another one",
    from: "origin: example.com/log",
    to: "origin: example.com/../log",
    says: "log.origin: expected the log's URL",
  },
  {
    name: "back-dating as long as the lifetime, which would leave nothing of it",
    from: "signer: { kind: memory }\nlog",
    to: "signer: { kind: memory }\n  lifetimeSeconds: 60\n  backdateSeconds: 60\nlog",
    says: "c.yaml:8: ca.backdateSeconds: must be less than ca.lifetimeSeconds",
  },
  {
    name: "a kept log whose key is forgotten at exit",
    from: "  store: { kind: memory }\n",
    to: "",
    says: "log.signer.kind: a key that is forgotten at exit needs a log that is forgotten too",
  },
  {
    name: "a kept log whose checkpoint key is forgotten at exit",
    from: "  store: { kind: memory }\n  signer: { kind: memory }",
    to: "  signer: { kind: file, path: k, passphrase: { env: P } }",
    says: "log.checkpointSigner.kind: a key that is forgotten at exit needs a log that is forgotten too",
  },
  {
    name: "an issuer on this machine whose keys could not be fetched",
    from: "https://issuer.example.com",
    to: "https://[::1]:8443/realm",
    says: "issuers[0].url: an issuer on this machine needs allowPrivateNetwork: true",
  },
  {
    name: "an issuer with a port above 65535",
    from: "https://issuer.example.com",
    to: "https://issuer.example.com:70000",
    says: "issuers[0].url: expected https://host",
  },
  {
    name: "an issuer with a broken escape",
    from: "https://issuer.example.com",
    to: "https://issuer.example.com/%zz",
    says: "issuers[0].url: expected https://host",
  },
  {
    name: "an issuer with characters that no URL holds",
    from: "https://issuer.example.com",
    to: '"https://issuer.example.com/<realm>"',
    says: "issuers[0].url: expected https://host",
  },
  {
    name: "an issuer that no certificate could name",
    from: "https://issuer.example.com",
    to: `https://issuer.example.com/${"x".repeat(1024)}`,
    says: "issuers[0].url: Too big",
  },
  {
    name: "a base URL that would make names no verifier takes",
    from: "{ kind: email }",
    to: '{ kind: github-actions, baseUrl: "https://ghe..example.com" }',
    says: "issuers[0].identity.baseUrl: expected https://host",
  },
  {
    name: "a base URL with a port above 65535",
    from: "{ kind: email }",
    to: '{ kind: github-actions, baseUrl: "https://ghe.example.com:70000" }',
    says: "issuers[0].identity.baseUrl: no such host or port can exist",
  },
];

describe("a configuration file", () => {
  it("fills in safe defaults and makes paths absolute", () => {
    const config = parseConfig(GOOD, "/etc/mayfly/c.yaml");
    expect(config).toMatchObject({
      dataDirectory: "/etc/mayfly/data",
      http: { listen: { host: "127.0.0.1", port: 5555 }, allowPlainHttpOffLoopback: false },
      ca: { lifetimeSeconds: 600, backdateSeconds: 0 },
      issuers: [
        {
          audience: "sigstore",
          allowPrivateNetwork: false,
          identity: { emailTrust: "verified", acceptTextVerified: false },
        },
      ],
    });
    expect(config.clientKeys.algorithms).toHaveLength(7);
  });

  it("needs no permission to serve HTTPS off loopback, and finds the files beside itself", () => {
    const text = GOOD.replace("127.0.0.1:5555 }", "0.0.0.0:5555, tls: { certificate: tls.crt, key: /etc/tls.key } }");
    const config = parseConfig(text, "/etc/mayfly/c.yaml");
    expect(config.http.tls).toEqual({ certificate: "/etc/mayfly/tls.crt", key: "/etc/tls.key" });
    expect(Object.isFrozen(config.http.tls)).toBe(true);
    expect(unsafeOptions(config)).toEqual(["environment-development"]);
  });

  it("names plain HTTP off loopback among what gives safety away", () => {
    const text = GOOD.replace("127.0.0.1:5555 }", "0.0.0.0:5555, allowPlainHttpOffLoopback: true }");
    expect(unsafeOptions(parseConfig(text, "c.yaml"))).toContain("plain-http-off-loopback");
  });

  it("names operations off loopback among what gives safety away, TLS or not", () => {
    const text = GOOD.replace("127.0.0.1:2112 }", "10.0.0.7:2112, allowPlainHttpOffLoopback: true }");
    expect(unsafeOptions(parseConfig(text, "c.yaml"))).toContain("operations-plain-http-off-loopback");
  });

  it("is frozen on every level", () => {
    const config = parseConfig(GOOD, "c.yaml");
    for (const part of [
      config,
      config.http,
      config.http.listen,
      config.ca,
      config.ca.authorities,
      config.ca.authorities[0],
      config.ca.authorities[0]?.signer,
      config.ca.authorities[0]?.window,
      config.log,
      config.issuers,
      config.issuers[0],
      config.clientKeys,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it.each([
    "https://accounts.example.com",
    "https://login.microsoftonline.com/4a5d2b1e-6c67-4c5b-b112-36a304b66dad/v2.0",
    "https://keycloak.example.com:8443/realms/My%20realm/",
    "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE~D539D4633E53DE1B716D3041E",
    "https://[2001:db8::1]/issuer",
  ])("accepts the issuer %s", (url) => {
    expect(parseConfig(GOOD.replace("https://issuer.example.com", `"${url}"`), "c.yaml").issuers[0]?.url).toBe(url);
  });

  it("accepts back-dating that leaves a second of the lifetime", () => {
    const text = GOOD.replace("memory }\nlog", "memory }\n  lifetimeSeconds: 60\n  backdateSeconds: 59\nlog");
    expect(parseConfig(text, "c.yaml").ca).toMatchObject({ lifetimeSeconds: 60, backdateSeconds: 59 });
  });

  it.each(REFUSALS)("refuses $name", ({ from, to, says }) => {
    expect(GOOD).toContain(from);
    const parse = () => parseConfig(GOOD.replace(from, to), "c.yaml");
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(says);
  });

  it("R04: does not expand an alias bomb", () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x]",
      ..."b,c,d,e,f,g,h,i,j"
        .split(",")
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[i]!}`).join(",")}]`),
    ].join("\n");
    expect(() => parseConfig(bomb, "c.yaml")).toThrow(/alias/iu);
  });

  it("[FC108] R03: refuses an empty file and a bare value", () => {
    for (const text of ["", "null", "42", "[]"])
      expect(() => parseConfig(text, "c.yaml")).toThrow("expected a mapping");
  });

  it.each([
    ["an alias of nothing", "issuers: *nothing", "an alias without its anchor before it"],
    [
      "aliases that multiply",
      `issuers: [&a [1], &b [${"*a,".repeat(9)}], &c [${"*b,".repeat(99)}]]`,
      "or too many of them",
    ],
    ["bytes where rules are expected", "issuers: !!binary AAAA", "Unresolved tag"],
    ["a set where a list is expected", "issuers: !!set { a }", "Unresolved tag"],
  ])("refuses %s, with its line", (_what, line, says) => {
    const text = GOOD.replace(/^issuers:[^]*$/mu, line);
    expect(text.split("\n").at(-1)).toBe(line);
    expect(() => parseConfig(text, "c.yaml")).toThrow(ConfigError);
    expect(() => parseConfig(text, "c.yaml")).toThrow(says);
    const at = String(text.split("\n").length);
    expect(() => parseConfig(text, "c.yaml")).toThrow(new RegExp(`c\\.yaml:${at}:|at line ${at},`, "u"));
  });

  it.each([
    ["a number", "1: x", "c.yaml:15: 1: unknown setting"],
    ["nothing", ": x", "c.yaml:15: : unknown setting"],
    ["a mapping", "? { a: hunter2 }\n: 1", "c.yaml:15: a name is a text"],
    ["a list", "[a, b]: 1", "c.yaml:15: a name is a text"],
  ])("refuses a name that is %s, with its line", (_what, line, says) => {
    expect(() => parseConfig(`${GOOD}${line}\n`, "c.yaml")).toThrow(says);
  });

  it("puts nothing of a file on standard error", () => {
    const warn = jest.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    expect(() => parseConfig(`${GOOD}? { a: hunter2 }\n: 1\n`, "c.yaml")).toThrow(ConfigError);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it("R15: refuses what is not a readable file, saying so", () => {
    expect(() => loadConfig(root)).toThrow("not a regular file");
    expect(() => loadConfig(join(root, "nowhere.yaml"))).toThrow("cannot be read");
  });

  it("lists every problem at once", () => {
    const text = GOOD.replace("127.0.0.1:5555", "x").replace("kind: email", "kind: y");
    expect(() => parseConfig(text, "c.yaml")).toThrow(/http\.listen.*\n.*identity\.kind/u);
  });

  it("names the settings that give safety away", () => {
    expect(unsafeOptions(parseConfig(GOOD, "c.yaml"))).toEqual(["environment-development"]);
  });
});

describe("the shipped files", () => {
  it("the development configuration can be used", () => {
    expect(loadConfig(join(root, "config", "mayfly.dev.yaml")).environment).toBe("development");
  });

  it("the example can be used and is safe", () => {
    expect(unsafeOptions(loadConfig(join(root, "config", "mayfly.example.yaml")))).toEqual([]);
  });

  it("the example mentions every setting there is", () => {
    const text = readFileSync(join(root, "config", "mayfly.example.yaml"), "utf8");
    const names = new Set<string>();
    const collect = (schema: unknown): void => {
      if (typeof schema !== "object" || schema === null) return;
      if ("properties" in schema) for (const name of Object.keys(schema.properties as object)) names.add(name);
      for (const value of Object.values(schema)) collect(value);
    };
    collect(configJsonSchema());
    expect(
      [...names].filter((name) => !new RegExp(`\\b${name}:`, "u").test(text)).filter((name) => name !== "env"),
    ).toEqual([]);
    expect(() => parse(text) as unknown).not.toThrow();
  });

  it("the JSON Schema for editors is the one the code checks with", () => {
    const file = readFileSync(join(root, "config", "mayfly.schema.json"), "utf8");
    expect(JSON.parse(file)).toEqual(configJsonSchema());
  });
});
