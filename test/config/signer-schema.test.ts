import { describe, expect, it } from "@jest/globals";
import { activeAuthority } from "../../src/config/active-authority.ts";
import { ConfigError, parseConfig } from "../../src/config/load-config.ts";
import { keyName } from "../../src/config/signers/key-name.ts";
import type { SignerConfig } from "../../src/config/signer-schema.ts";

const FILE = (name: string): string => `{ kind: file, path: ${name}, passphrase: { env: P } }`;

/** A configuration with these signers. */
const configWith = ({ ca = FILE("ca"), log = FILE("log"), checkpoint = FILE("checkpoint") }): string => `
dataDirectory: data
http: { listen: "127.0.0.1:5555" }
operations: { listen: "127.0.0.1:2112" }
ca: { chain: chain.pem, signer: ${ca} }
log: { origin: ca.example.com/log, signer: ${log}, checkpointSigner: ${checkpoint} }
issuers: [{ url: "https://idp.example.com", identity: { kind: email } }]
`;

const signerOf = (text: string): SignerConfig =>
  activeAuthority(parseConfig(configWith({ ca: text }), "/etc/mayfly/mayfly.yaml")).signer;

function problemsOf(signers: Parameters<typeof configWith>[0]): string {
  try {
    parseConfig(configWith(signers), "mayfly.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

const AUTH = "auth: { kind: token, token: { file: token } }";
const VAULT = `kind: vault, address: "https://bao:8200", key: ca, version: 2`;
const DEFAULTS = { attemptSeconds: 2, attempts: 3, requestsInFlight: 32 };
const ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const GCP = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
const HEX = "0123456789abcdef0123456789abcdef";
const AZURE = `kind: azure-key-vault, vault: "https://v.vault.azure.net", key: ca, version: ${HEX}`;
const UUID = "01234567-89ab-cdef-0123-456789abcdef";

describe("a signer of a key service", () => {
  it.each<[string, Record<string, unknown>]>([
    [
      `{ ${VAULT}, ${AUTH}, caCertificate: ca.pem, namespace: team/ca, signaturesPerSecond: 50 }`,
      {
        ...DEFAULTS,
        kind: "vault",
        address: "https://bao:8200",
        mount: "transit",
        key: "ca",
        version: 2,
        namespace: "team/ca",
        caCertificate: "/etc/mayfly/ca.pem",
        auth: { kind: "token", token: { file: "/etc/mayfly/token" } },
        signaturesPerSecond: 50,
      },
    ],
    [
      `{ ${VAULT}, auth: { kind: app-role, roleId: r, secretId: { file: s } } }`,
      { auth: { kind: "app-role", mount: "approle", roleId: "r", secretId: { file: "/etc/mayfly/s" } } },
    ],
    [
      `{ ${VAULT}, auth: { kind: kubernetes, role: r } }`,
      {
        auth: {
          kind: "kubernetes",
          mount: "kubernetes",
          role: "r",
          tokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
        },
      },
    ],
    [`{ kind: vault, address: "http://127.0.0.1:8100", key: ca, version: 1, ${AUTH} }`, { kind: "vault" }],
    [`{ kind: aws-kms, key: "${ARN}" }`, { ...DEFAULTS, kind: "aws-kms", key: ARN }],
    [`{ kind: google-kms, keyVersion: ${GCP} }`, { ...DEFAULTS, kind: "google-kms", keyVersion: GCP }],
    [
      `{ kind: azure-key-vault, vault: "https://v.vault.azure.net", key: ca, version: ${HEX} }`,
      {
        ...DEFAULTS,
        kind: "azure-key-vault",
        vault: "https://v.vault.azure.net",
        key: "ca",
        version: HEX,
        auth: { kind: "workload-identity" },
      },
    ],
    [`{ ${AZURE}, auth: { kind: managed-identity } }`, { auth: { kind: "managed-identity" } }],
    [
      `{ ${AZURE}, auth: { kind: workload-identity, tenantId: example.com, clientId: ${UUID}, tokenFile: token } }`,
      { auth: { tenantId: "example.com", clientId: UUID, tokenFile: "/etc/mayfly/token" } },
    ],
    [
      `{ ${AZURE}, auth: { kind: client-secret, tenantId: example.com, clientId: ${UUID}, secret: { file: s } } }`,
      { auth: { kind: "client-secret", secret: { file: "/etc/mayfly/s" } } },
    ],
    [
      `{ kind: google-kms, keyVersion: ${GCP}, protectionLevel: hsm, credentials: adc.json, endpoint: "https://kms.internal" }`,
      { protectionLevel: "hsm", credentials: "/etc/mayfly/adc.json", endpoint: "https://kms.internal" },
    ],
    [
      "{ kind: pkcs11, module: p11.so, token: { label: t }, key: { id: 0a }, pin: { file: pin } }",
      {
        kind: "pkcs11",
        module: "/etc/mayfly/p11.so",
        token: { label: "t" },
        key: { id: "0a" },
        pin: { file: "/etc/mayfly/pin" },
      },
    ],
  ])("is read: %s", (text, expected) => {
    const signer = signerOf(text);
    expect(signer).toMatchObject(expected);
    expect(Object.isFrozen(signer)).toBe(true);
  });

  it.each<[string, RegExp]>([
    [`{ ${VAULT} }`, /ca\.signer\.auth/u],
    [`{ kind: vault, address: "https://bao", key: ca, ${AUTH} }`, /ca\.signer\.version/u],
    [`{ kind: vault, address: "https://bao", key: ca, version: 0, ${AUTH} }`, /ca\.signer\.version/u],
    [`{ kind: vault, address: "https://bao", key: ca, version: latest, ${AUTH} }`, /ca\.signer\.version/u],
    [`{ kind: vault, address: "http://bao", key: ca, version: 1, ${AUTH} }`, /credentials are in each request/u],
    [`{ kind: vault, address: "https://u:p@bao", key: ca, version: 1, ${AUTH} }`, /expected https:\/\/host/u],
    [`{ kind: vault, address: "https://bao?x=1", key: ca, version: 1, ${AUTH} }`, /expected https:\/\/host/u],
    [`{ kind: vault, address: "https://bao", key: "../sys", version: 1, ${AUTH} }`, /name of a transit key/u],
    [`{ ${VAULT}, mount: /transit, ${AUTH} }`, /without slashes/u],
    [`{ ${VAULT}, mount: "a/../sys", ${AUTH} }`, /without slashes/u],
    [`{ ${VAULT}, auth: { kind: token, token: hvs.secret } }`, /ca\.signer\.auth\.token/u],
    [`{ ${VAULT}, ${AUTH}, attempts: 0 }`, /ca\.signer\.attempts/u],
    [`{ ${VAULT}, ${AUTH}, attemptSeconds: 60 }`, /ca\.signer\.attemptSeconds/u],
    [`{ ${VAULT}, ${AUTH}, keyy: 1 }`, /ca\.signer\.keyy: unknown setting; did you mean key\?/u],
    ["{ kind: aws-kms, key: alias/ca, region: eu-central-1 }", /an alias can be pointed at another key/u],
    [`{ kind: aws-kms, key: "${ARN}", region: eu-central-1 }`, /ca\.signer\.region/u],
    ["{ kind: aws-kms, key: 1234abcd-12ab-34cd-56ef-1234567890ab }", /ca\.signer\.region/u],
    ["{ kind: google-kms, keyVersion: projects/p/locations/l/keyRings/r/cryptoKeys/k }", /cryptoKeyVersions\/N/u],
    [`{ kind: google-kms, keyVersion: ${GCP}, protectionLevel: any }`, /ca\.signer\.protectionLevel/u],
    [`{ kind: google-kms, keyVersion: ${GCP}, endpoint: "http://kms" }`, /credentials are in each request/u],
    [`{ kind: google-kms, keyVersion: ${GCP}, endpoint: "https://kms/v1" }`, /gRPC has no path/u],
    [`{ kind: google-kms, keyVersion: ${GCP}, credentials: { env: ADC } }`, /ca\.signer\.credentials/u],
    ['{ kind: azure-key-vault, vault: "https://v", key: ca }', /ca\.signer\.version/u],
    [`{ kind: azure-key-vault, vault: "http://127.0.0.1", key: ca, version: ${HEX} }`, /expected https:\/\/host/u],
    [`{ kind: azure-key-vault, vault: "https://v/keys", key: ca, version: ${HEX} }`, /expected https:\/\/host/u],
    [`{ ${AZURE}, auth: { kind: cli } }`, /ca\.signer\.auth\.kind/u],
    [`{ ${AZURE}, auth: { kind: managed-identity, clientId: mayfly } }`, /expected the client id/u],
    [`{ ${AZURE}, auth: { kind: client-secret, tenantId: t, clientId: ${UUID}, secret: s } }`, /auth\.secret/u],
    ["{ kind: pkcs11, module: m, token: {}, key: { label: a }, pin: { env: PIN } }", /label, serial or slot/u],
    ["{ kind: pkcs11, module: m, token: { label: t }, key: {}, pin: { env: PIN } }", /label, id or both/u],
    ["{ kind: pkcs11, module: m, token: { label: t }, key: { id: 0A }, pin: { env: PIN } }", /lower-case hexadecimal/u],
    ["{ kind: kms, key: a }", /ca\.signer\.kind/u],
  ])("is refused: %s", (text, problem) => {
    expect(problemsOf({ ca: text })).toMatch(problem);
  });

  it("has a budget only where it begins work", () => {
    const signer = `{ ${VAULT}, ${AUTH}, signaturesPerSecond: 50 }`;
    expect(problemsOf({ ca: signer })).toBe("");
    expect(problemsOf({ log: signer })).toMatch(/log\.signer\.signaturesPerSecond: what is logged must be signed/u);
    expect(problemsOf({ checkpoint: signer })).toMatch(/log\.checkpointSigner\.signaturesPerSecond/u);
  });

  it("is told from another by its name", () => {
    const texts = [
      `{ ${VAULT}, ${AUTH} }`,
      `{ ${VAULT}, ${AUTH}, namespace: team }`,
      `{ ${VAULT}, ${AUTH}, mount: other }`,
      `{ kind: vault, address: "https://bao:8200", key: ca, version: 3, ${AUTH} }`,
      `{ kind: aws-kms, key: "${ARN}" }`,
      `{ kind: google-kms, keyVersion: ${GCP} }`,
      `{ kind: azure-key-vault, vault: "https://v.vault.azure.net", key: ca, version: ${HEX} }`,
      "{ kind: pkcs11, module: m, token: { label: t }, key: { label: a }, pin: { env: PIN } }",
      "{ kind: pkcs11, module: m, token: { label: t }, key: { id: 0a }, pin: { env: PIN } }",
    ];
    const names = texts.map((text) => keyName(signerOf(text)));
    expect(new Set(names).size).toBe(texts.length);
    expect(names[0]).toBe("https://bao:8200 transit/keys/ca version 2");
  });

  it("of one log is not that of another", () => {
    const key = `{ ${VAULT}, ${AUTH} }`;
    const shard = (name: string, state: string, signer: string): string =>
      `{ name: "${name}", state: ${state}, origin: ca.example.com/${name}, signer: ${signer}, checkpointSigner: ${FILE(name)} }`;
    const text = (other: string): string =>
      configWith({}).replace(
        /^log: .*$/mu,
        `log: { shards: [${shard("a", "active", key)}, ${shard("b", "staged", other)}] }`,
      );
    expect(() => parseConfig(text(key), "m.yaml")).toThrow(/shard a has this key/u);
    expect(() => parseConfig(text(key.replace("version: 2", "version: 3")), "m.yaml")).not.toThrow();
  });
});

describe("a signer by URI", () => {
  it("is a signer of its kind", () => {
    const byUri = signerOf(`{ kind: uri, uri: "gcpkms://${GCP}", attempts: 5 }`);
    expect(byUri).toEqual(signerOf(`{ kind: google-kms, keyVersion: ${GCP}, attempts: 5 }`));
    const vault = signerOf(`{ kind: uri, uri: "hashivault://ca", address: "https://bao:8200", version: 2, ${AUTH} }`);
    expect(vault).toEqual(signerOf(`{ ${VAULT}, ${AUTH} }`));
  });

  it.each<[string, RegExp]>([
    ['{ kind: uri, uri: "gcpkms://projects/p" }', /ca\.signer\.uri: expected gcpkms/u],
    ['{ kind: uri, uri: "awskms:///alias/ca", region: eu-west-1 }', /ca\.signer\.uri: .*an alias can be pointed/u],
    ['{ kind: uri, uri: "hashivault://ca" }', /ca\.signer\.address: .*kind vault/u],
    [
      `{ kind: uri, uri: "hashivault://ca", key: ca, address: "https://b", version: 1, ${AUTH} }`,
      /ca\.signer\.key: the URI says it already/u,
    ],
    [`{ kind: uri, uri: "gcpkms://${GCP}", regoin: x }`, /a signer of kind google-kms has no regoin/u],
    ['{ kind: uri, uri: "azurekms://v.vault.azure.net/ca" }', /ca\.signer\.version/u],
  ])("is refused: %s", (text, problem) => {
    expect(problemsOf({ ca: text })).toMatch(problem);
  });
});
