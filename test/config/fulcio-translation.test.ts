import { describe, expect, it } from "@jest/globals";
import { activeAuthority } from "../../src/config/active-authority.ts";
import { FULCIO_FLAG_NAMES } from "../../src/config/fulcio-flags.ts";
import type { FulcioFlagName } from "../../src/config/fulcio-flags.ts";
import { FulcioInputError } from "../../src/config/fulcio-input-error.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { FILE_CA, translateFlags } from "../support/fulcio.ts";

const load = (yaml: string): Config => parseConfig(yaml, "/etc/mayfly/mayfly.yaml");

describe("a Fulcio with its CA in files", () => {
  const translation = translateFlags([...FILE_CA, "--fileca-key-passwd=hunter2", "--port=5555", "--metrics-port=9090"]);

  it("is taken over whole, and the loader takes what is written", () => {
    expect(translation.isComplete).toBe(true);
    expect(load(translation.yaml)).toMatchObject({
      environment: "production",
      dataDirectory: "/var/lib/mayfly",
      http: { listen: { host: "0.0.0.0", port: 5555 }, allowPlainHttpOffLoopback: true },
      operations: { listen: { host: "0.0.0.0", port: 9090 }, allowPlainHttpOffLoopback: true },
      ca: {
        authorities: [
          {
            chain: "/ca/chain.pem",
            signer: {
              kind: "file",
              path: "/etc/mayfly/keys/issuing.json",
              passphrase: { file: "/etc/mayfly/keys/passphrase" },
            },
          },
        ],
      },
      issuers: [{ url: "https://login.example.com", audience: "sigstore", identity: { kind: "email" } }],
    });
    expect(load(translation.yaml).log.shards).toMatchObject([{ origin: "ca.example.com/log", state: "active" }]);
  });

  it("has its key taken over by a command", () => {
    expect(translation.commands).toContain(
      "mayfly key import --from /ca/key.pem --from-passphrase-file fulcio-password --out keys/issuing.json --passphrase-file keys/passphrase",
    );
  });

  it("has its key taken over without a password where it is in clear", () => {
    const { commands } = translateFlags([...FILE_CA, "--fileca-key-passwd="]);
    expect(commands).toContain(
      "mayfly key import --from /ca/key.pem --out keys/issuing.json --passphrase-file keys/passphrase",
    );
  });

  it("has paths with blanks quoted for YAML and for the shell", () => {
    const { yaml, commands } = translateFlags([
      ...FILE_CA,
      "--fileca-cert=/my ca/#1: chain.pem",
      "--fileca-key=it's.pem",
    ]);
    expect(activeAuthority(load(yaml)).chain).toBe("/my ca/#1: chain.pem");
    expect(commands.join("\n")).toContain(String.raw`--from 'it'\''s.pem' --from-passphrase-file`);
  });

  it("never has its password shown", () => {
    expect(JSON.stringify(translation)).not.toContain("hunter2");
  });

  it("never has a password in a URL shown", () => {
    const shown = JSON.stringify(translateFlags([...FILE_CA, "--ct-log-url=https://me:hunter2@log.example.com/x"]));
    expect(shown).toContain("log.example.com/x");
    expect(shown).not.toContain("hunter2");
  });

  it.each(["--fileca-cert", "--fileca-key"])("is refused without %s", (flag) => {
    const flags = FILE_CA.filter((one) => !one.startsWith(`${flag}=`));
    expect(() => translateFlags(flags)).toThrow(`${flag} must be set with --ca fileca`);
  });
});

describe("a CA whose key is elsewhere", () => {
  const KINDS: readonly [ca: string, flags: readonly string[], chain: string | undefined][] = [
    [
      "kmsca",
      [
        "--kms-resource=gcpkms://projects/p",
        "--kms-cert-chain-path=/c.pem",
        "--gcp-kms-retries=3",
        "--gcp-kms-timeout=5",
      ],
      "/c.pem",
    ],
    [
      "tinkca",
      ["--tink-kms-resource=gcp-kms://p", "--tink-keyset-path=/k.json", "--tink-cert-chain-path=/c.pem"],
      "/c.pem",
    ],
    [
      "pkcs11ca",
      ["--hsm-caroot-id=1", "--hsm-key-label=L", "--pkcs11-config-path=/p.conf", "--aws-hsm-root-ca-path=/c.pem"],
      "/c.pem",
    ],
    ["googleca", ["--gcp_private_ca_parent=projects/p", "--gcp_private_ca_version=v1"], undefined],
  ];
  it.each(KINDS)("must be completed, and says so: %s", (ca, flags, chain) => {
    const { yaml, findings, isComplete } = translateFlags([`--ca=${ca}`, ...flags]);
    expect(isComplete).toBe(false);
    expect(() => load(yaml)).toThrow(chain === undefined ? "ca:" : "ca.signer");
    expect(yaml).toContain("# MUST BE COMPLETED: signer.");
    if (chain !== undefined) expect(yaml).toContain(`\n  chain: ${chain}\n`);
    expect(findings).toContainEqual(expect.objectContaining({ outcome: "must be decided", subject: `--ca=${ca}` }));
    for (const flag of flags) {
      expect(yaml).toContain(flag);
      expect(findings.filter(({ subject }) => subject === flag)).toHaveLength(1);
    }
  });

  it.each<[string, object]>([
    [
      "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/7",
      { kind: "google-kms", keyVersion: "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/7" },
    ],
    [
      "awskms:///arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
      { kind: "aws-kms", key: "arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" },
    ],
  ])("stays there when its URI names one key: %s", (uri, signer) => {
    const { yaml, isComplete } = translateFlags([
      "--ca=kmsca",
      `--kms-resource=${uri}`,
      "--kms-cert-chain-path=/c.pem",
      "--ct-log-url=",
    ]);
    expect(isComplete).toBe(true);
    expect(load(yaml)).toMatchObject({ ca: { authorities: [{ chain: "/c.pem", signer }] } });
  });

  it.each<[string, RegExp]>([
    ["awskms:///alias/ca", /an alias can be pointed at another key/u],
    ["hashivault://ca", /address.*version.*auth/su],
    ["azurekms://v.vault.azure.net/ca", /version/u],
    ["gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k", /with a version/u],
  ])("must be completed when its URI does not: %s", (uri, what) => {
    const { isComplete, findings } = translateFlags([
      "--ca=kmsca",
      `--kms-resource=${uri}`,
      "--kms-cert-chain-path=/c.pem",
    ]);
    expect(isComplete).toBe(false);
    expect(findings.find(({ outcome }) => outcome === "must be decided")?.note).toMatch(what);
  });

  it("must be named", () => {
    const { yaml, isComplete, findings } = translateFlags([]);
    expect(isComplete).toBe(false);
    expect(findings).toContainEqual(expect.objectContaining({ outcome: "must be decided", subject: "--ca" }));
    expect(() => load(yaml)).toThrow("ca:");
  });

  it("must be one of Fulcio's", () => {
    expect(() => translateFlags(["--ca=filca"])).toThrow(
      "--ca: Fulcio has no such certificate authority; did you mean fileca?",
    );
  });
});

it("an ephemeral CA becomes one in memory, which only development may have", () => {
  const { yaml, isComplete } = translateFlags(["--ca=ephemeralca", "--ct-log-url="]);
  expect(isComplete).toBe(true);
  expect(load(yaml)).toMatchObject({
    environment: "development",
    ca: { authorities: [{ signer: { kind: "memory" } }] },
  });
});

describe("listeners", () => {
  it.each([
    [["--host=::1", "--port=80"], { host: "::1", port: 80 }, false],
    [["--host=127.0.0.1"], { host: "127.0.0.1", port: 8080 }, false],
    [["--host="], { host: "0.0.0.0", port: 8080 }, true],
    [["--host=fulcio.example.com"], { host: "fulcio.example.com", port: 8080 }, true],
  ])("are those of %j", (flags, listen, isPlainOffLoopback) => {
    const { yaml } = translateFlags([...FILE_CA, ...flags]);
    expect(load(yaml).http).toMatchObject({ listen, allowPlainHttpOffLoopback: isPlainOffLoopback });
  });

  it.each([
    [
      ["--host=0.0.0.0", "--grpc-host="],
      ["http.listen", "operations.listen", "grpc.listen"],
    ],
    [["--host=::", "--grpc-host=127.0.0.1"], ["operations.listen"]],
  ])("say where Fulcio's are of IPv6 too: %j", (flags, settings) => {
    const { findings } = translateFlags([...FILE_CA, ...flags]);
    const notes = findings.map(({ note }) => note).filter((note) => note.includes("of IPv4 alone"));
    expect(notes.map((note) => note.split(":")[0])).toEqual(settings);
  });

  it.each([
    "--port=http",
    "--port=0",
    "--port=65536",
    "--port=",
    "--port=08",
    "--host=a b",
    "--host=a:b:z",
    "--metrics-port=-1",
  ])("refuse %s", (flag) => {
    expect(() => translateFlags([...FILE_CA, flag])).toThrow(FulcioInputError);
  });
});

describe("a proxy in front", () => {
  it("is named nowhere in Fulcio's settings, which is said, with a line to complete", () => {
    const { yaml, findings } = translateFlags(FILE_CA);
    const [line = ""] = /^# limits: .*$/mu.exec(yaml) ?? [];
    expect(findings.filter(({ note }) => note.includes("limits.trustedProxies"))).toHaveLength(1);
    expect(load(yaml).limits.trustedProxies).toEqual([]);
    expect(load(yaml.replace(line, line.slice(2))).limits.trustedProxies).not.toEqual([]);
  });
});

describe("gRPC", () => {
  const TLS = ["--grpc-tls-certificate=/tls.crt", "--grpc-tls-key=/tls.key"];
  const CASES: readonly [name: string, flags: readonly string[], grpc: Record<string, unknown>][] = [
    ["has Fulcio's default port", [], { listen: { host: "0.0.0.0", port: 8081 }, allowPlaintextOffLoopback: true }],
    ["may be on loopback", ["--grpc-host=127.0.0.1"], { allowPlaintextOffLoopback: false }],
    ["keeps its pair", TLS, { tls: { certificate: "/tls.crt", key: "/tls.key" }, allowPlaintextOffLoopback: false }],
    ["has no TLS with half a pair", TLS.slice(1), { allowPlaintextOffLoopback: true }],
    [
      "shares the port of HTTP",
      ["--grpc-port=8080"],
      { listen: { host: "0.0.0.0", port: 8080 }, allowPlaintextOffLoopback: false },
    ],
    ["has no TLS of its own there", ["--grpc-port=8080", ...TLS], { allowPlaintextOffLoopback: false }],
    ["closes idle connections as Fulcio", ["--idle-connection-timeout=1m30s"], { connectionIdleSeconds: 90 }],
    [
      "closes them as ever when that is no whole second",
      ["--idle-connection-timeout=1.5s"],
      { connectionIdleSeconds: 75 },
    ],
    [
      "closes them as ever when that is more than an hour",
      ["--idle-connection-timeout=2h"],
      { connectionIdleSeconds: 75 },
    ],
  ];
  it.each(CASES)("%s", (_, flags, grpc) => {
    const { yaml, isComplete } = translateFlags([...FILE_CA, ...flags]);
    expect(isComplete).toBe(true);
    expect(load(yaml).grpc).toMatchObject(grpc);
  });

  it.each([
    [TLS, "kept"],
    [TLS.slice(1), "no counterpart"],
    [["--grpc-port=8080", ...TLS], "no counterpart"],
  ])("has what becomes of its pair reported: %j", (flags, outcome) => {
    const { findings } = translateFlags([...FILE_CA, ...flags]);
    const ofPair = findings.filter(({ subject }) => subject.startsWith("--grpc-tls-"));
    expect(ofPair).toHaveLength(flags.filter((flag) => flag.startsWith("--grpc-tls-")).length);
    expect(ofPair.every((finding) => finding.outcome === outcome)).toBe(true);
  });

  it("has its idle time reported where it is kept", () => {
    const { findings } = translateFlags([...FILE_CA, "--idle-connection-timeout=1m30s"]);
    expect(findings).toContainEqual({
      outcome: "kept",
      subject: "--idle-connection-timeout=1m30s",
      note: "grpc.connectionIdleSeconds: 90",
    });
  });

  it("refuses a port that nothing can listen at", () => {
    expect(() => translateFlags([...FILE_CA, "--grpc-port=x"])).toThrow(FulcioInputError);
  });
});

describe("the log", () => {
  it("must have an origin, which nobody but the operator knows", () => {
    const { yaml, isComplete, findings } = translateFlags(FILE_CA, { publicUrl: undefined });
    expect(isComplete).toBe(false);
    expect(findings.filter(({ outcome }) => outcome === "must be decided").map(({ subject }) => subject)).toContain(
      "log.origin",
    );
    expect(() => load(yaml)).toThrow("log.origin");
  });

  it("is there also where Fulcio logged nothing", () => {
    const { findings } = translateFlags([...FILE_CA, "--ct-log-url="]);
    expect(findings).toContainEqual({
      outcome: "changed",
      subject: "--ct-log-url",
      note: "Fulcio logged nothing; Mayfly logs every certificate",
    });
  });
});

describe("the trust files", () => {
  it("keep the key of the log that Fulcio used", () => {
    const { yaml, findings } = translateFlags([...FILE_CA, "--ct-log-url=https://me:pw@log.example.com/2026//"]);
    expect(load(yaml).trust).toMatchObject({
      publicUrl: "https://ca.example.com",
      otherLogs: [{ baseUrl: "https://log.example.com/2026", publicKey: "/ctlog/public.pem" }],
    });
    expect(findings).toContainEqual(
      expect.objectContaining({ outcome: "kept", subject: "--ct-log-public-key-path=/ctlog/public.pem" }),
    );
  });

  it("have no other log where there was none", () => {
    const { yaml, isComplete } = translateFlags([...FILE_CA, "--ct-log-url="]);
    expect(isComplete).toBe(true);
    expect(load(yaml).trust).toMatchObject({ otherLogs: [] });
  });

  it.each([
    ["its key is not known", FILE_CA.filter((flag) => !flag.startsWith("--ct-log-public-key"))],
    ["its URL is none", [...FILE_CA, "--ct-log-url=log.example.com"]],
    ["its URL has a query", [...FILE_CA, "--ct-log-url=https://log.example.com/?a"]],
  ])("must be completed when there was one and %s", (_, flags) => {
    const { yaml, isComplete, findings } = translateFlags(flags);
    expect(isComplete).toBe(false);
    expect(yaml).toContain("# MUST BE COMPLETED: otherLogs");
    expect(load(yaml).trust).toMatchObject({ otherLogs: [] });
    expect(findings.filter(({ outcome }) => outcome === "must be decided")).toHaveLength(1);
  });
});

it("paths that depend on where Fulcio was started are told", () => {
  const { findings } = translateFlags([
    ...FILE_CA,
    "--fileca-cert=chain.pem",
    "--fileca-key=key.pem",
    "--ct-log-public-key-path=log.pem",
  ]);
  expect(findings).toContainEqual({
    outcome: "changed",
    subject: "--fileca-cert=chain.pem, --fileca-key=key.pem, --ct-log-public-key-path=log.pem",
    note: "taken from the folder of the configuration, not from where Fulcio was started",
  });
  expect(translateFlags(FILE_CA).findings.some(({ note }) => note.startsWith("taken from the folder"))).toBe(false);
});

describe("algorithms of callers' keys", () => {
  it("are kept when they are not Fulcio's default", () => {
    const { yaml } = translateFlags([...FILE_CA, "--client-signing-algorithms=ed25519, ecdsa-sha2-256-nistp384"]);
    expect(load(yaml).clientKeys.algorithms).toEqual(["ed25519", "ecdsa-sha2-256-nistp384"]);
  });

  it.each([
    ["ed25519,ed25519-ph", true, ["ed25519"]],
    ["rsa-sign-pss-2048-sha256,rsa-sign-pkcs1-2048-sha256", true, ["rsa-sign-pkcs1-2048-sha256"]],
    ["ed25519,rsa-sign-pss-2048-sha256", false, ["ed25519"]],
  ])("that Fulcio does not verify are not taken for others: %s", (names, isComplete, kept) => {
    const translation = translateFlags([...FILE_CA, `--client-signing-algorithms=${names}`]);
    expect(load(translation.yaml).clientKeys.algorithms).toEqual(kept);
    expect(translation.isComplete).toBe(isComplete);
    expect(translation.findings.some(({ note }) => note.startsWith("Fulcio verifies no "))).toBe(true);
  });

  it("must be completed when none is left", () => {
    const { yaml, isComplete } = translateFlags([...FILE_CA, "--client-signing-algorithms=rsa-sign-pss-2048-sha256"]);
    expect(isComplete).toBe(false);
    expect(yaml).toContain("# clientKeys MUST BE COMPLETED");
  });

  it.each(["ed25518", "", "ed25519,,"])("that Fulcio does not know are refused: %j", (names) => {
    expect(() => translateFlags([...FILE_CA, `--client-signing-algorithms=${names}`])).toThrow(FulcioInputError);
  });
});

describe("every flag of fulcio serve", () => {
  /** Values with which Fulcio would start; of the others any text does. */
  const VALUES: Partial<Record<FulcioFlagName, string>> = {
    port: "5555",
    "grpc-port": "5554",
    "metrics-port": "9090",
    "client-signing-algorithms": "ed25519",
    ca: "fileca",
    "fileca-watch": "true",
    "ct-log-url": "https://log.example.com/2026",
  };

  it.each(FULCIO_FLAG_NAMES)("is mapped or reported: --%s", (name) => {
    const value = VALUES[name] ?? "some-value";
    const { findings } = translateFlags([...FILE_CA, `--${name}=${value}`]);
    expect(findings.filter(({ subject }) => subject.includes(`--${name}`))).not.toEqual([]);
  });
});

it("files that cannot be written must be decided", () => {
  const issuers = {
    issuers: [],
    ciMetadata: new Map(),
    unknown: [],
    placeOf: () => "",
  };
  expect(translateFlags(FILE_CA, { issuers }).isComplete).toBe(false);
});

it.each([
  ["not-found", true],
  ["built-in", false],
] as const)("an issuer file that is %s means Fulcio's built-in issuers", (issuers, isUnknown) => {
  const { findings, yaml } = translateFlags(FILE_CA, { issuers, sharedIssuers: "as-fulcio" });
  expect(load(yaml).issuers.map(({ url }) => url)).toEqual([
    "https://oauth2.sigstore.dev/auth",
    "https://accounts.google.com",
    "https://token.actions.githubusercontent.com",
  ]);
  expect(findings.some(({ note }) => note.includes("--issuers FILE says where it is"))).toBe(isUnknown);
});
