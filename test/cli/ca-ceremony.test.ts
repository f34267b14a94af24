import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import type { KeyObject } from "node:crypto";
import { hash, sign, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodePem } from "../../src/core/encoding/pem.ts";
import * as der from "../../src/core/encoding/der-writer.ts";
import { activeAuthority } from "../../src/config/active-authority.ts";
import { loadCeremony } from "../../src/config/ceremony.ts";
import { CEREMONY_LAYOUTS } from "../../src/config/ceremony-schema.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { CEREMONY_KEYS, fileSigner, openCeremonyFolder } from "../support/keys/ceremony-folder.ts";
import { openssl } from "../support/openssl.ts";
import { PASSPHRASE } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";

const lab = openCeremonyFolder();
const YEAR_MS = 365 * 86_400_000;

/** A whole ceremony with a log, into `folder`. */
const whole = (folder: string, ...more: readonly string[]): string =>
  lab.write(
    `${folder}.yaml`,
    "layout: root-and-issuing",
    `folder: ${folder}`,
    `root: { signer: ${fileSigner("root")} }`,
    `issuing: { signer: ${fileSigner("issuing")} }`,
    `log: { origin: ca.example.com/log, signer: ${fileSigner("log")}, checkpointSigner: ${fileSigner("checkpoint")} }`,
    "publicUrl: https://ca.example.com",
    ...more,
  );

const init = (ceremony: string) => lab.run("init", "--ceremony", ceremony);

beforeAll(async () => {
  await lab.addKey("root", CEREMONY_KEYS["p384"]!());
  await lab.addKey("intermediate", CEREMONY_KEYS["p384"]!());
  await lab.addKey("issuing", CEREMONY_KEYS["p256"]!());
  await lab.addKey("other", CEREMONY_KEYS["p256"]!());
  await lab.addKey("log", CEREMONY_KEYS["p256"]!());
  await lab.addKey("checkpoint", CEREMONY_KEYS["ed25519"]!());
});

afterAll(() => {
  lab.remove();
});

const pemFile = (...names: readonly string[]): string => readFileSync(lab.path(...names), "utf8");
const x509 = (...names: readonly string[]): X509Certificate => new X509Certificate(pemFile(...names));
const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");
const keyOf = (certificate: X509Certificate): Buffer => certificate.publicKey.export({ type: "spki", format: "der" });

describe("ca init", () => {
  it("[CL17] makes root and issuing CA after the profile, and everything that is made of them", async () => {
    const { code, stdout, stderr } = await init(whole("first"));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(Object.keys(lab.files("first")).sort()).toEqual([
      ...["chain.pem", "checkpoint.pem", "ct_log.pem", "fingerprints.txt", "issuing.pem", "mayfly.yaml", "plan.json"],
      ...["root.pem", "trusted_root.json"],
    ]);
    const [root, issuing] = [x509("first", "root.pem"), x509("first", "issuing.pem")];
    expect([root.subject, issuing.subject]).toEqual([
      "O=Example Ltd\nCN=Example Ltd root",
      "O=Example Ltd\nCN=Example Ltd issuing CA",
    ]);
    expect(root.issuer).toBe(root.subject);
    expect(issuing.issuer).toBe(root.subject);
    for (const [certificate, years] of [
      [root, 10],
      [issuing, 3],
    ] as const) {
      expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(years * YEAR_MS);
      expect(Buffer.from(certificate.serialNumber.padStart(40, "0"), "hex")).toHaveLength(20);
    }
    const text = (name: string): string => openssl(["x509", "-in", lab.path("first", name), "-noout", "-text"]);
    for (const [name, pathLength] of [
      ["root.pem", 1],
      ["issuing.pem", 0],
    ] as const) {
      expect(text(name)).toMatch(
        new RegExp(`Basic Constraints: critical\\s+CA:TRUE, pathlen:${String(pathLength)}\\n`, "u"),
      );
      expect(text(name)).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/u);
    }
    expect(text("root.pem")).not.toContain("Extended Key Usage");
    expect(text("issuing.pem")).toMatch(/Extended Key Usage:\s+Code Signing\n/u);
    expect(
      openssl([
        "verify",
        "-x509_strict",
        "-check_ss_sig",
        "-CAfile",
        lab.path("first", "root.pem"),
        lab.path("first", "issuing.pem"),
      ]),
    ).toContain("OK");
    expect(pemFile("first", "chain.pem")).toBe(pemFile("first", "issuing.pem") + pemFile("first", "root.pem"));
    for (const fingerprint of [sha256(root.raw), sha256(issuing.raw), sha256(keyOf(root)), sha256(keyOf(issuing))]) {
      expect(stdout).toContain(fingerprint);
      expect(pemFile("first", "fingerprints.txt")).toContain(fingerprint);
    }
  });

  it("prints and writes no secret", async () => {
    const { stdout } = await init(whole("first"));
    const secret = pemFile("root.json").match(/"ciphertext": ?"([^"]+)"/u)?.[1] ?? PASSPHRASE;
    for (const text of [stdout, ...Object.values(lab.files("first"))]) {
      expect(text).not.toContain(PASSPHRASE);
      expect(text).not.toContain(secret);
      expect(text).not.toContain("PRIVATE");
    }
  });

  it("gives the piece of a configuration that a service can use, and the trusted root of that service", async () => {
    const config = lab.path("mayfly.yaml");
    writeFileSync(
      config,
      `dataDirectory: data\nhttp: { listen: "127.0.0.1:0" }\noperations: { listen: "127.0.0.1:0" }\n` +
        `issuers: [{ url: "https://accounts.example.com", identity: { kind: email } }]\n${pemFile("first", "mayfly.yaml")}`,
    );
    expect(activeAuthority(loadConfig(config)).chain).toBe(lab.path("first", "chain.pem"));
    const checked = await runCli([
      "ca",
      "check",
      "--config",
      config,
      "--trusted-root",
      lab.path("first", "trusted_root.json"),
    ]);
    expect(checked.stdout).toMatch(/good \(0 errors, 0 warnings, 0 notes\)\n$/u);
    const { stdout } = await runCli(["trust", "trusted-root", "--config", config]);
    expect(stdout).toBe(pemFile("first", "trusted_root.json"));
  });

  it("signs nothing a second time when it is run again", async () => {
    const before = lab.files("first");
    const { code, stdout } = await init(whole("first"));
    expect(code).toBe(0);
    expect(stdout).not.toContain("signing");
    expect(lab.files("first")).toEqual(before);
  });

  it("goes on where only some of it is there, with the certificate that was planned", async () => {
    await init(whole("partly"));
    const before = lab.files("partly");
    for (const name of ["issuing.pem", "chain.pem", "fingerprints.txt"]) rmSync(lab.path("partly", name));
    writeFileSync(lab.path("partly", ".issuing.pem.unfinished"), "half a certif");
    const { code, stdout } = await init(whole("partly"));
    expect(code).toBe(0);
    expect(stdout.match(/^signing .*$/gmu)).toEqual([`signing  ${lab.path("partly", "issuing.pem")}`]);
    const after = lab.files("partly");
    expect(after["root.pem"]).toBe(before["root.pem"]);
    expect(x509("partly", "issuing.pem").serialNumber).toBe(new X509Certificate(before["issuing.pem"]!).serialNumber);
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
  });

  const CONFLICTS: readonly (readonly [name: string, change: (folder: string) => string, says: RegExp])[] = [
    [
      "another organization",
      (folder) => {
        const file = whole(folder);
        writeFileSync(file, readFileSync(file, "utf8").replace("Example Ltd", "Another Ltd"));
        return file;
      },
      /plan\.json was begun with "organization": "Example Ltd",/u,
    ],
    [
      "other years",
      (folder) => {
        const file = whole(folder);
        writeFileSync(file, readFileSync(file, "utf8").replace(/^root: \{/mu, "root: { years: 11,"));
        return file;
      },
      /"years": 10, and this is "years": 11/u,
    ],
    [
      "another key of the root",
      (folder) => {
        const file = whole(folder);
        writeFileSync(
          file,
          readFileSync(file, "utf8").replace(/^root: .*$/mu, `root: { signer: ${fileSigner("intermediate")} }`),
        );
        return file;
      },
      /"keySha256"/u,
    ],
    [
      "another key of the log",
      (folder) => {
        const file = whole(folder);
        writeFileSync(
          file,
          readFileSync(file, "utf8").replace(
            "signer: { kind: file, path: log.json",
            "signer: { kind: file, path: other.json",
          ),
        );
        return file;
      },
      /ct_log\.pem is there with another content/u,
    ],
    [
      "a root that somebody put there",
      (folder) => {
        writeFileSync(lab.path(folder, "root.pem"), pemFile("first", "root.pem"));
        return whole(folder);
      },
      /root\.pem is another certificate; it was not touched/u,
    ],
    [
      "a chain that somebody put there",
      (folder) => {
        writeFileSync(lab.path(folder, "chain.pem"), pemFile("first", "chain.pem"));
        return whole(folder);
      },
      /chain\.pem is there with another content/u,
    ],
    [
      "a plan that is none",
      (folder) => {
        writeFileSync(lab.path(folder, "plan.json"), "{}\n");
        return whole(folder);
      },
      /plan\.json is no plan of a ceremony/u,
    ],
    [
      "a plan with one serial number changed",
      (folder) => {
        writeFileSync(
          lab.path(folder, "plan.json"),
          pemFile(folder, "plan.json").replace(
            /"serialNumber": "(.)/u,
            (_, digit: string) => `"serialNumber": "${digit === "1" ? "2" : "1"}`,
          ),
        );
        return whole(folder);
      },
      /root\.pem is another certificate/u,
    ],
  ];
  it.each(CONFLICTS)("refuses a folder that was begun with %s, and touches nothing", async (name, change, says) => {
    const folder = `conflict-${String(CONFLICTS.findIndex(([one]) => one === name))}`;
    await init(whole(folder));
    const ceremony = change(folder);
    const before = lab.files(folder);
    const { code, stderr } = await init(ceremony);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^mayfly: [^\n]+ \(CEREMONY_CONFLICT\)\n$/u);
    expect(stderr).toMatch(says);
    expect(lab.files(folder)).toEqual(before);
  });

  it("refuses the certificate of its own plan by another key", async () => {
    // The same TBS under a signature that is not the root's: only the signature tells.
    await init(whole("forged"));
    const pem = pemFile("forged", "issuing.pem");
    const bytes = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/gu, ""), "base64");
    bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1);
    writeFileSync(lab.path("forged", "issuing.pem"), `${encodePem("CERTIFICATE", bytes)}\n`);
    expect((await init(whole("forged"))).stderr).toMatch(
      /issuing\.pem is not signed by its authority's key \(SIGNATURE_INVALID\)\n$/u,
    );
  });

  describe("by flags", () => {
    const flags = (...more: readonly string[]) => [
      ...["init", "--layout", "root-and-issuing", "--organization", "Example Ltd", "--directory", lab.path("flags")],
      ...more,
    ];
    const keys = () => [
      ...["--root", lab.path("root.json"), "--issuing", lab.path("issuing.json")],
      ...["--passphrase-file", lab.path("passphrase")],
    ];

    it("makes the same as by a file", async () => {
      const { code, stderr } = await lab.run(...flags(...keys()));
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const signer = (name: string) => fileSigner(name);
      const file = lab.write(
        "flags.yaml",
        "layout: root-and-issuing",
        "folder: flags",
        `root: { signer: ${signer("root")} }`,
        `issuing: { signer: ${signer("issuing")} }`,
      );
      const again = await init(file);
      expect(again.code).toBe(0);
      expect(again.stdout).not.toContain("signing");
    });

    it.each([
      [
        "without a root",
        ["--issuing", "issuing.json", "--passphrase-file", "passphrase"],
        "--root: required by the layout",
      ],
      ["without a passphrase", ["--root", "root.json", "--issuing", "issuing.json"], "--root.signer.passphrase"],
      [
        "with a URI that is none",
        ["--root", "foo://bar", "--issuing", "issuing.json", "--passphrase-file", "p"],
        "--root.signer.uri",
      ],
      [
        "with one key twice",
        ["--root", "a.json", "--issuing", "a.json", "--passphrase-file", "p"],
        "--issuing.signer: the same key",
      ],
    ])("are refused %s", async (_, more, says) => {
      const { code, stdout, stderr } = await lab.run(...flags(...more));
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain(says);
    });

    it.each([
      ["nothing", ["init"]],
      ["both a file and flags", ["init", "--ceremony", "x.yaml", "--root", "root.json"]],
      ["a layout that is none", ["init", "--layout", "two"]],
    ])("take %s as wrong usage", async (_, args) => {
      expect((await lab.run(...args)).code).toBe(2);
    });
  });

  describe("killed", () => {
    const PROGRAM = join(import.meta.dirname, "..", "support", "keys", "killed-ceremony.ts");
    /** As a ceremony with a log goes: between two of them a process can end. */
    const STEPS = [
      ...["plan kept", "root to be signed", "root kept", "issuing CA to be signed", "issuing CA kept", "chain kept"],
      ...["log key kept", "checkpoint key kept", "trusted root written", "settings written", "fingerprints written"],
    ];

    it.each(STEPS.map((step, at) => [step, at] as const))("at %s, it is run again and goes on", async (_, at) => {
      const folder = `killed-${String(at)}`;
      const ceremony = whole(folder);
      const { signal, stderr } = spawnSync(process.execPath, [PROGRAM, ceremony, String(at)], { encoding: "utf8" });
      expect({ signal, stderr }).toEqual({ signal: "SIGKILL", stderr: "" });
      const left = lab.files(folder);
      const { code, stdout } = await init(ceremony);
      expect(code).toBe(0);
      const now = lab.files(folder);
      for (const [name, bytes] of Object.entries(left)) expect([name, now[name]]).toEqual([name, bytes]);
      const certificates = ["root.pem", "issuing.pem"];
      expect(stdout.match(/^signing .*$/gmu) ?? []).toEqual(
        certificates.filter((name) => !(name in left)).map((name) => `signing  ${lab.path(folder, name)}`),
      );
      expect(Object.keys(now).sort()).toEqual(Object.keys(lab.files("first")).sort());
      const plan = JSON.parse(now["plan.json"]!) as { authorities: { serialNumber: string }[] };
      expect(
        certificates.map((name) => new X509Certificate(now[name]!).serialNumber.toLowerCase().padStart(40, "0")),
      ).toEqual(plan.authorities.map(({ serialNumber }) => serialNumber));
    });

    it("has no step that is not among these", () => {
      const { signal, status } = spawnSync(process.execPath, [PROGRAM, whole("not-killed"), String(STEPS.length)]);
      expect({ signal, status }).toEqual({ signal: null, status: 0 });
    });
  });
});

describe("a ceremony file", () => {
  const root = `root: { signer: ${fileSigner("root")} }`;
  const issuing = `issuing: { signer: ${fileSigner("issuing")} }`;
  const log = `log: { origin: ca.example.com/log, signer: ${fileSigner("log")}, checkpointSigner: ${fileSigner("checkpoint")} }`;
  const REFUSALS: readonly (readonly [name: string, lines: readonly string[], says: string])[] = [
    ["without a layout", ["folder: x", root, issuing], "layout: "],
    ["with a layout that is none", ["layout: two", "folder: x", root], "layout: "],
    [
      "with a root missing",
      ["layout: root-and-issuing", "folder: x", issuing],
      "root: required by the layout root-and-issuing",
    ],
    ["with an issuing CA missing", ["layout: root-and-issuing", "folder: x", root], "issuing: required by the layout"],
    ["with an intermediate missing", ["layout: three-tier", "folder: x", root, issuing], "intermediate: required by"],
    [
      "with an issuing CA below a lone root",
      ["layout: lone-root", "folder: x", root, issuing],
      "issuing: the layout lone-root has none",
    ],
    [
      "with a root beside issuing-only",
      ["layout: issuing-only", "folder: x", root, issuing],
      "root: the layout issuing-only has none",
    ],
    ["with a setting that is none", ["layout: lone-root", "folder: x", root, "yeers: 3"], "yeers: unknown setting"],
    [
      "with a key in memory",
      ["layout: lone-root", "folder: x", "root: { signer: { kind: memory } }"],
      "root.signer: a key that is forgotten",
    ],
    [
      "with one key twice",
      ["layout: root-and-issuing", "folder: x", root, `issuing: { signer: ${fileSigner("root")} }`],
      "issuing.signer: the same key stands above",
    ],
    [
      "with one name twice",
      [
        "layout: root-and-issuing",
        "folder: x",
        root,
        `issuing: { commonName: Example Ltd root, signer: ${fileSigner("issuing")} }`,
      ],
      "issuing.commonName: each authority has a CN of its own",
    ],
    [
      "with an issuing CA that outlives its root",
      ["layout: root-and-issuing", "folder: x", root, `issuing: { years: 11, signer: ${fileSigner("issuing")} }`],
      "issuing.years: it would outlive",
    ],
    [
      "with 31 years",
      ["layout: lone-root", "folder: x", `root: { years: 31, signer: ${fileSigner("root")} }`],
      "root.years: ",
    ],
    [
      "with a control character in a name",
      ["layout: lone-root", "folder: x", `root: { commonName: "a\\nb", signer: ${fileSigner("root")} }`],
      "root.commonName: ",
    ],
    [
      "with a name of 65 characters",
      ["layout: lone-root", "folder: x", `root: { commonName: ${"x".repeat(65)}, signer: ${fileSigner("root")} }`],
      "root.commonName: ",
    ],
    [
      "with a log beside an offline root",
      ["layout: offline-root", "folder: x", root, log],
      "log: the keys of a log are where",
    ],
    [
      "with an address without a log",
      ["layout: lone-root", "folder: x", root, "publicUrl: https://ca.example.com"],
      "publicUrl: a trusted root names the log too",
    ],
  ];
  it.each(REFUSALS)("%s is refused by its line, before any key is opened", async (_, lines, says) => {
    const { code, stdout, stderr } = await init(lab.write("refused.yaml", ...lines));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`refused.yaml`);
    expect(stderr).toContain(says);
  });

  it.each([
    ["an Ed25519 key of a CA", "checkpoint", "root.signer", "SIGNER_KEY_MISMATCH"],
    ["a key that is not there", "none", "root.signer", "SIGNER_KEY_UNREADABLE"],
    ["one key under two names", "copy", "one key stands in two places", "SIGNER_REFUSED"],
  ])("that names %s is refused, and nothing is written", async (_, key, says, reason) => {
    writeFileSync(lab.path("copy.json"), readFileSync(lab.path("issuing.json")), { mode: 0o600 });
    const file = lab.write(
      "bad-key.yaml",
      "layout: root-and-issuing",
      "folder: bad-key",
      `root: { signer: ${fileSigner(key)} }`,
      issuing,
    );
    const { code, stdout, stderr } = await init(file);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).toContain(`(${reason})`);
    expect(() => lab.files("bad-key")).toThrow();
  });
});

describe("an offline root", () => {
  const rootFile = (): string =>
    lab.write("root.yaml", "layout: offline-root", "folder: offline", `root: { signer: ${fileSigner("root")} }`);
  const issuingFile = (): string =>
    lab.write(
      "issuing.yaml",
      "layout: issuing-only",
      "folder: online",
      `issuing: { signer: ${fileSigner("issuing")} }`,
    );
  const csr = () => lab.path("online", "issuing.csr");
  const signWith = (expected: string, request = csr(), ...more: readonly string[]) =>
    lab.run("sign", "--ceremony", rootFile(), "--csr", request, "--expect", expected, ...more);
  let fingerprint = "";

  it("is made alone, to sign issuing CAs", async () => {
    expect((await init(rootFile())).code).toBe(0);
    expect(Object.keys(lab.files("offline")).sort()).toEqual([
      "chain.pem",
      "fingerprints.txt",
      "plan.json",
      "root.pem",
    ]);
    expect(openssl(["x509", "-in", lab.path("offline", "root.pem"), "-noout", "-text"])).toContain("pathlen:1");
  });

  it("gets a request that OpenSSL verifies, with a key to be told by another way", async () => {
    const { code, stdout } = await lab.run("csr", "--ceremony", issuingFile());
    expect(code).toBe(0);
    fingerprint = /key sha256 {2}([0-9a-f]{64})/u.exec(stdout)?.[1] ?? "";
    const text = openssl(["req", "-in", csr(), "-noout", "-verify", "-subject", "-nameopt", "RFC2253"]);
    expect(text).toContain("CN=Example Ltd issuing CA,O=Example Ltd");
    expect(
      sha256(
        Buffer.from(
          openssl(["req", "-in", csr(), "-noout", "-pubkey"]).replaceAll(/-----[^-]+-----|\s/gu, ""),
          "base64",
        ),
      ),
    ).toBe(fingerprint);
  });

  it("leaves a request alone that is there, and refuses one of another name", async () => {
    const before = readFileSync(csr());
    const again = await lab.run("csr", "--ceremony", issuingFile());
    expect(again.stdout).toMatch(/^there /u);
    const renamed = lab.write(
      "renamed.yaml",
      "layout: issuing-only",
      "folder: online",
      `issuing: { commonName: Other, signer: ${fileSigner("issuing")} }`,
    );
    expect((await lab.run("csr", "--ceremony", renamed)).stderr).toMatch(/\(CEREMONY_CONFLICT\)\n$/u);
    expect(readFileSync(csr()).equals(before)).toBe(true);
  });

  it("refuses another key than the expected one, and signs nothing", async () => {
    const { code, stdout, stderr } = await signWith("0".repeat(64));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      `mayfly: the request is for the key ${fingerprint}, expected ${"0".repeat(64)} (SIGNER_KEY_MISMATCH)\n`,
    );
    expect(Object.keys(lab.files("offline"))).not.toContain(`signed/${fingerprint}.pem`);
  });

  /** A request of `key` with everything in it to choose. */
  const request = (
    name: string,
    key: KeyObject,
    subject: Uint8Array,
    by = key,
  ): readonly [file: string, fingerprint: string] => {
    const pub = keyBytes(key);
    const info = der.sequence(der.integer(Uint8Array.of(0)), subject, pub, der.contextTag(0));
    const algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2"));
    const file = lab.path(name);
    writeFileSync(
      file,
      encodePem("CERTIFICATE REQUEST", der.sequence(info, algorithm, der.bitString(sign("sha256", info, by)))),
    );
    return [file, sha256(pub)];
  };
  const keyBytes = (key: KeyObject): Uint8Array =>
    Uint8Array.from(
      Buffer.from(
        openssl(["pkey", "-pubout"], Buffer.from(key.export({ type: "pkcs8", format: "pem" }))).replaceAll(
          /-----[^-]+-----|\s/gu,
          "",
        ),
        "base64",
      ),
    );
  const attribute = (type: string, text: string): Uint8Array =>
    der.set(der.sequence(der.oid(type), der.utf8String(text)));
  const [O, CN] = ["2.5.4.10", "2.5.4.3"];
  const named = (organization: string, commonName: string): Uint8Array =>
    der.sequence(attribute(O, organization), attribute(CN, commonName));

  const BAD_NAMES: readonly (readonly [name: string, subject: () => Uint8Array, says: RegExp])[] = [
    ["no name", () => der.sequence(), /is not O and CN/u],
    ["a CN alone", () => der.sequence(attribute(CN, "x")), /is not O and CN/u],
    ["CN before O", () => der.sequence(attribute(CN, "x"), attribute(O, "Example Ltd")), /is not O and CN/u],
    [
      "an OU more",
      () => der.sequence(attribute(O, "Example Ltd"), attribute(CN, "x"), attribute("2.5.4.11", "y")),
      /is not O and CN/u,
    ],
    ["an empty CN", () => named("Example Ltd", ""), /is not O and CN/u],
    ["a CN with a line break", () => named("Example Ltd", "a\nb"), /is not O and CN/u],
    ["a CN of 65 characters", () => named("Example Ltd", "x".repeat(65)), /is not O and CN/u],
    ["another organization", () => named("Example Inc", "issuing"), /is of the organization Example Inc/u],
    ["the root's CN", () => named("Example Ltd", "Example Ltd root"), /has the CN of an authority above it/u],
  ];
  it.each(BAD_NAMES)("refuses a request with %s", async (_, subject, says) => {
    const [file, expected] = request("bad.csr", CEREMONY_KEYS["p256"]!(), subject());
    const { code, stderr } = await signWith(expected, file);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/\(CHAIN_INVALID\)\n$/u);
  });

  it("refuses a request that another key signed", async () => {
    const [file, expected] = request(
      "forged.csr",
      CEREMONY_KEYS["p256"]!(),
      named("Example Ltd", "x"),
      CEREMONY_KEYS["p256"]!(),
    );
    expect((await signWith(expected, file)).stderr).toMatch(
      /not signed by the key in it \(CSR_SIGNATURE_INVALID\)\n$/u,
    );
  });

  it.each([
    ["is no PEM", "hello", "CSR_NOT_PEM"],
    ["is a certificate", () => pemFile("offline", "root.pem"), "CSR_WRONG_PEM_TYPE"],
    ["is cut short", () => encodePem("CERTIFICATE REQUEST", Uint8Array.of(0x30, 1, 0)), "CSR_MALFORMED"],
    ["is longer than 16 KiB", "x".repeat(16_385), "CSR_TOO_LONG"],
  ] as const)("refuses a request that %s", async (_, text, reason) => {
    writeFileSync(lab.path("bad.csr"), typeof text === "string" ? text : text());
    expect((await signWith("0".repeat(64), lab.path("bad.csr"))).stderr).toMatch(
      new RegExp(`\\(${reason}\\)\\n$`, "u"),
    );
  });

  it("refuses a key that no CA has", async () => {
    openssl(["genpkey", "-algorithm", "ed25519", "-out", lab.path("ed.pem")]);
    openssl(["req", "-new", "-key", lab.path("ed.pem"), "-subj", "/O=Example Ltd/CN=x", "-out", lab.path("ed.csr")]);
    expect((await signWith("0".repeat(64), lab.path("ed.csr"))).stderr).toMatch(
      /its key is not ECDSA .* \(CHAIN_INVALID\)\n$/u,
    );
  });

  it("refuses years that outlive it", async () => {
    expect((await signWith(fingerprint, csr(), "--years", "11")).stderr).toMatch(
      /it would outlive the authority above.* \(CA_EXPIRED\)\n$/u,
    );
  });

  it("signs the request, once for each key", async () => {
    const { code, stdout } = await signWith(
      fingerprint.toUpperCase().replaceAll(/(..)(?=.)/gu, "$1:"),
      csr(),
      "--years",
      "2",
    );
    expect(code).toBe(0);
    const file = lab.path("offline", "signed", `${fingerprint}.pem`);
    expect(stdout).toContain(file);
    const [issuing = "", root = ""] = readFileSync(file, "utf8").split(/(?<=-----END CERTIFICATE-----\n)/u);
    expect(root).toBe(pemFile("offline", "root.pem"));
    const { validFromDate, validToDate, raw } = new X509Certificate(issuing);
    expect(validToDate.getTime() - validFromDate.getTime()).toBe(2 * YEAR_MS);
    expect(stdout).toContain(sha256(raw));
    const before = readFileSync(file);
    const again = await signWith(fingerprint, csr(), "--years", "3");
    expect(again.stdout).toMatch(/^there /u);
    expect(again.stdout).not.toContain("signing");
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("is taken home: the issuing side wants its answer, and completes itself with it", async () => {
    expect((await init(issuingFile())).stderr).toMatch(
      /chain\.pem is not there: make a request by mayfly ca csr.* \(FILE_NOT_READ\)\n$/u,
    );
    writeFileSync(lab.path("online", "chain.pem"), pemFile("first", "root.pem"));
    expect((await init(issuingFile())).stderr).toMatch(/\(SIGNER_KEY_MISMATCH\)\n$/u);
    writeFileSync(lab.path("online", "chain.pem"), readFileSync(lab.path("offline", "signed", `${fingerprint}.pem`)));
    const { code, stdout } = await init(issuingFile());
    expect(code).toBe(0);
    expect(stdout).not.toContain("signing");
    expect(Object.keys(lab.files("online")).sort()).toEqual([
      "chain.pem",
      "fingerprints.txt",
      "issuing.csr",
      "mayfly.yaml",
    ]);
    expect(
      openssl(["verify", "-x509_strict", "-CAfile", lab.path("offline", "root.pem"), lab.path("online", "chain.pem")]),
    ).toContain("OK");
  });

  it("signs an OpenSSL request of the same name the same way", async () => {
    openssl([
      "req",
      "-new",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      lab.path("rsa.pem"),
      "-subj",
      "/O=Example Ltd/CN=RSA issuing CA",
      "-out",
      lab.path("rsa.csr"),
    ]);
    const spki = openssl(["req", "-in", lab.path("rsa.csr"), "-noout", "-pubkey"]).replaceAll(
      /-----[^-]+-----|\s/gu,
      "",
    );
    const { code } = await signWith(sha256(Buffer.from(spki, "base64")), lab.path("rsa.csr"));
    expect(code).toBe(0);
  });

  it("signs below an intermediate of its own", async () => {
    const ceremony = lab.write(
      "deep.yaml",
      "layout: offline-root",
      "folder: deep",
      `root: { signer: ${fileSigner("root")} }`,
      `intermediate: { signer: ${fileSigner("intermediate")} }`,
    );
    expect((await lab.run("sign", "--ceremony", ceremony, "--csr", csr(), "--expect", fingerprint)).stderr).toMatch(
      /chain\.pem is not there: mayfly ca init makes it \(FILE_NOT_READ\)\n$/u,
    );
    expect((await init(ceremony)).code).toBe(0);
    const { code } = await lab.run("sign", "--ceremony", ceremony, "--csr", csr(), "--expect", fingerprint);
    expect(code).toBe(0);
    const chain = pemFile("deep", "signed", `${fingerprint}.pem`);
    writeFileSync(lab.path("deep-leaf.pem"), chain.split(/(?<=-----END CERTIFICATE-----\n)/u)[0]!);
    expect(
      openssl([
        "verify",
        "-x509_strict",
        "-CAfile",
        lab.path("deep", "root.pem"),
        "-untrusted",
        lab.path("deep", "intermediate.pem"),
        lab.path("deep-leaf.pem"),
      ]),
    ).toContain("OK");
  });

  it("refuses authorities of other keys in its folder", async () => {
    mkdirSync(lab.path("mixed"), { recursive: true });
    writeFileSync(lab.path("mixed", "chain.pem"), pemFile("first", "issuing.pem"));
    const ceremony = lab.write(
      "mixed.yaml",
      "layout: offline-root",
      "folder: mixed",
      `root: { signer: ${fileSigner("root")} }`,
    );
    expect((await lab.run("sign", "--ceremony", ceremony, "--csr", csr(), "--expect", fingerprint)).stderr).toMatch(
      /not about the keys of this ceremony \(CEREMONY_CONFLICT\)\n$/u,
    );
  });

  it.each([
    ["csr", () => ["csr", "--ceremony", rootFile()], /layout: a request is for the layout issuing-only/u],
    [
      "sign",
      () => ["sign", "--ceremony", issuingFile(), "--csr", csr(), "--expect", "0".repeat(64)],
      /layout: requests are signed by the layout offline-root/u,
    ],
  ] as const)("is another layout than that of the other side: %s", async (_, args, says) => {
    const { code, stderr } = await lab.run(...args());
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });

  it.each([
    ["a fingerprint that is none", ["--expect", "12ab"]],
    ["no years", ["--expect", "0".repeat(64), "--years", "0"]],
    ["31 years", ["--expect", "0".repeat(64), "--years", "31"]],
  ])("takes %s as wrong usage", async (_, more) => {
    expect((await lab.run("sign", "--ceremony", "root.yaml", "--csr", "x", ...more)).code).toBe(2);
  });
});

describe("the page about the ceremony", () => {
  const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "ceremony.md"), "utf8");
  const blocks = [...page.matchAll(/^ *```yaml\n(?<text>[\s\S]*?)\n *```$/gmu)].map(
    ({ groups }) => groups?.["text"] ?? "",
  );

  it("has ceremony files that can be used, one for each side and one for both", () => {
    const layouts = blocks.map((text) => {
      writeFileSync(lab.path("page.yaml"), text.replaceAll(/^ {3}/gmu, ""));
      return loadCeremony(lab.path("page.yaml")).layout;
    });
    expect(layouts).toEqual(["root-and-issuing", "offline-root", "issuing-only"]);
  });

  it("has a row for every layout", () => {
    for (const layout of CEREMONY_LAYOUTS) expect(page).toContain(`| \`${layout}\``);
  });
});
