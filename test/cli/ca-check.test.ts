import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import { CA_RULES } from "../../src/compose/ca-rules.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";
import { encryptCheaply, operatorConfig, PASSPHRASE, writeOperatorKeys } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-ca-check-"));
const at = (...names: readonly string[]): string => join(folder, ...names);
const config = at("mayfly.yaml");
const check = (...args: readonly string[]): Promise<CliOutcome> => runCli(["ca", "check", "--config", config, ...args]);

interface Report {
  readonly certificates: readonly {
    readonly sha256: string;
    readonly keySha256: string;
    readonly commonName: string;
  }[];
  readonly findings: readonly { readonly rule: string; readonly severity: string; readonly what: string }[];
}

async function report(...args: readonly string[]): Promise<Report & { readonly code: number }> {
  const { code, stdout, stderr } = await check("--json", ...args);
  expect(stderr).toBe("");
  return { code, ...(JSON.parse(stdout) as Report) };
}

beforeAll(async () => {
  await writeOperatorKeys(folder);
  writeFileSync(config, operatorConfig(folder));
  copyFileSync(at("issuing.json"), at("issuing-kept.json"));
  copyFileSync(at("chain.pem"), at("chain-kept.pem"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const restore = (): void => {
  copyFileSync(at("issuing-kept.json"), at("issuing.json"));
  copyFileSync(at("chain-kept.pem"), at("chain.pem"));
  writeFileSync(config, operatorConfig(folder));
};

describe("ca check", () => {
  it("finds nothing against a CA of `ca create`, and names what to compare", async () => {
    const { code, certificates, findings } = await report();
    expect({ code, findings }).toEqual({ code: 0, findings: [] });
    const [issuing = "", root = ""] = readFileSync(at("chain.pem"), "utf8").split(/(?<=-----END CERTIFICATE-----\n)/u);
    const fingerprints = [issuing, root].map((pem) =>
      new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase(),
    );
    expect(certificates.map(({ sha256 }) => sha256)).toEqual(fingerprints);
    expect(certificates.map(({ commonName }) => commonName)).toEqual(["Operator issuing CA", "Operator root"]);
  });

  it("says so for people, with fingerprints and without the passphrase", async () => {
    const { code, stdout, stderr } = await check();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^certificate 1: Operator issuing CA\n {2}key ecdsa-p256-sha256, valid to 20/u);
    expect(stdout).toMatch(/chain\.pem: good \(0 errors, 0 warnings, 0 notes\)\n$/u);
    expect(stdout).not.toContain(PASSPHRASE);
  });

  it("refuses a chain of another key, and goes on to the test signature", async () => {
    writeFileSync(at("issuing.json"), await encryptCheaply(generatePrivateKey("ecdsa-p256-sha256"), PASSPHRASE), {
      mode: 0o600,
    });
    try {
      const { code, findings } = await report();
      expect({ code, rules: findings.map(({ rule }) => rule) }).toEqual({ code: 1, rules: ["key-match"] });
      expect(findings[0]?.what).toMatch(/^ecdsa public keys are not equal .* \(SIGNER_KEY_MISMATCH\)$/u);
    } finally {
      restore();
    }
  });

  it.each([
    ["a passphrase that is wrong", "not the passphrase", "SIGNER_KEY_UNREADABLE"],
    ["no passphrase", "", "SIGNER_KEY_UNREADABLE"],
  ])("refuses %s, and judges the chain all the same", async (_, passphrase, reason) => {
    writeFileSync(at("passphrase"), `${passphrase}\n`);
    writeFileSync(
      at("chain.pem"),
      readFileSync(at("chain-kept.pem"), "utf8").split(/(?<=END CERTIFICATE-----\n)/u)[0] ?? "",
    );
    try {
      const { code, findings } = await report();
      expect(code).toBe(1);
      expect(findings.map(({ rule }) => rule)).toEqual(["self-signed-root", "authority-key-identifier", "signer"]);
      expect(findings.at(-1)?.what).toContain(`(${reason})`);
    } finally {
      writeFileSync(at("passphrase"), `${PASSPHRASE}\n`);
      restore();
    }
  });

  it("finds a development key in production, and not in development", async () => {
    const dev = join(import.meta.dirname, "..", "..", "keys-dev");
    const text = operatorConfig(folder).replace(
      /^ca: .*$/mu,
      `ca: { chain: ${join(dev, "chain.pem")}, signer: { kind: file, path: ${join(dev, "issuing.json")}, passphrase: { file: ${join(dev, "passphrase")} } } }`,
    );
    try {
      writeFileSync(config, text);
      const { code, findings } = await report();
      expect(code).toBe(1);
      // Files of a repository are open to everybody, which alone is an error in production.
      expect(findings.map(({ rule }) => rule)).toEqual(
        expect.arrayContaining([expect.stringMatching(/^(?:development-key|signer)$/u)]),
      );
      writeFileSync(config, `environment: development\n${text}`);
      const inDevelopment = await report();
      expect(inDevelopment.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    } finally {
      restore();
    }
  });

  it("ends well with warnings alone, and says what to do", async () => {
    const day = 86_400_000;
    const signer = makeKeyObjectSigner(generatePrivateKey("ecdsa-p384-sha384"));
    const issuingKey = generatePrivateKey("ecdsa-p256-sha256");
    writeFileSync(at("issuing.json"), await encryptCheaply(issuingKey, PASSPHRASE), { mode: 0o600 });
    const nowMs = Date.now() - (3 * 365 - 20) * day;
    const chain = await makeCaChain({
      organization: "Old",
      root: signer,
      issuing: makeKeyObjectSigner(issuingKey),
      nowMs,
    });
    writeFileSync(at("chain.pem"), chain);
    try {
      const { code, stdout } = await check();
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /\nwarning: ends-soon: certificate 1 ends in (?:19|20) days: .*\n {2}do: replace the CA before then/u,
      );
      expect(stdout).toMatch(/good \(0 errors, 1 warning, 0 notes\)\n$/u);
    } finally {
      restore();
    }
  });

  describe("[CL14] with a trusted root", () => {
    const trustedRoot = (...certificates: readonly (readonly string[])[]): string => {
      const file = at("trusted_root.json");
      const certificateAuthorities = certificates.map((chain) => ({
        certChain: { certificates: chain.map((rawBytes) => ({ rawBytes })) },
      }));
      writeFileSync(file, JSON.stringify({ certificateAuthorities }));
      return file;
    };
    const ders = (): readonly string[] =>
      readFileSync(at("chain.pem"), "utf8")
        .split(/(?<=-----END CERTIFICATE-----\n)/u)
        .map((pem) => new X509Certificate(pem).raw.toString("base64"));

    it("wants exactly this chain in it, among others", async () => {
      const [issuing = "", root = ""] = ders();
      expect(await report("--trusted-root", trustedRoot([root], [issuing, root]))).toMatchObject({
        code: 0,
        findings: [],
      });
    });

    it.each([
      ["no authority", () => []],
      ["the root alone", () => [ders().slice(1)]],
      ["the other order", () => [ders().toReversed()]],
      ["a certificate more", () => [[...ders(), ders()[1] ?? ""]]],
    ] as const)("refuses one with %s", async (_, chains) => {
      const { code, findings } = await report("--trusted-root", trustedRoot(...chains()));
      expect({ code, rules: findings.map(({ rule }) => rule) }).toEqual({ code: 1, rules: ["trusted-root"] });
    });

    it.each([
      ["is not JSON", "{", "TRUST_INVALID"],
      ["is a list", "[]", "TRUST_INVALID"],
      ["has no authorities", "{}", "TRUST_INVALID"],
      [
        "has a certificate that is a number",
        '{"certificateAuthorities":[{"certChain":{"certificates":[{"rawBytes":1}]}}]}',
        "TRUST_INVALID",
      ],
    ])("refuses a file that %s, by its reason", async (_, text, reason) => {
      writeFileSync(at("trusted_root.json"), text);
      const { code, stdout, stderr } = await check("--trusted-root", at("trusted_root.json"));
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(new RegExp(`^mayfly: [^\\n]+ \\(${reason}\\)\\n$`, "u"));
    });

    it("refuses a file that is not there", async () => {
      expect((await check("--trusted-root", at("none"))).stderr).toMatch(
        /trusted root .*none cannot be read: ENOENT.* \(FILE_NOT_READ\)\n$/u,
      );
    });
  });

  it("judges the issuing CA that is named, a staged one too, and none that there is not", async () => {
    const [issuing = ""] = readFileSync(at("chain-kept.pem"), "utf8").split(/(?<=END CERTIFICATE-----\n)/u);
    writeFileSync(at("staged.pem"), issuing);
    const one = /^ca: \{ (?<members>.*) \}$/mu.exec(operatorConfig(folder))?.groups?.["members"] ?? "";
    writeFileSync(
      config,
      operatorConfig(folder).replace(
        /^ca: .*$/mu,
        `ca:\n  authorities:\n    - { name: first, state: active, ${one} }\n    - { name: second, state: staged, chain: ${at("staged.pem")} }`,
      ),
    );
    try {
      expect(await report()).toMatchObject({ code: 0, findings: [] });
      const staged = await report("--authority", "second");
      expect(staged.findings.map(({ rule }) => rule)).toEqual(["self-signed-root", "authority-key-identifier"]);
      const { code, stderr } = await check("--authority", "third");
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: "--authority: no issuing CA is called that; there are: first, second\n",
      });
    } finally {
      restore();
    }
  });

  it("refuses a CA in memory", async () => {
    writeFileSync(config, MEMORY_CONFIG);
    try {
      const { code, stderr } = await check();
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: "ca.signer: a key that is forgotten at exit, and its chain, cannot be checked\n",
      });
    } finally {
      restore();
    }
  });
});

describe("the page about the ceremony", () => {
  it("lists every rule with its severity and what to do", () => {
    const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "ceremony.md"), "utf8");
    const rows = page
      .split("\n")
      .flatMap((line) => {
        const [, rule, severity, clients, remedy] =
          /^\| `([a-z-]+)` +\| (error|warning|note) +\| (CL\d+)? *\| (.*?) *\|$/u.exec(line) ?? [];
        return rule === undefined ? [] : [{ rule, severity, clients, remedy }];
      })
      .toSorted((one, other) => (one.rule < other.rule ? -1 : 1));
    const expected = Object.entries(CA_RULES)
      .map(([rule, { severity, clients, remedy }]) => ({ rule, severity, clients, remedy }))
      .toSorted((one, other) => (one.rule < other.rule ? -1 : 1));
    expect(rows).toEqual(expected);
  });
});
