import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { X509Certificate, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import request from "supertest";
import { encryptKeyFile } from "../../src/adapters/signers/file.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import type { CaTemplate } from "../../src/core/certificate/ca-certificate.ts";
import { keyIdentifier } from "../../src/core/certificate/extensions/subject-key-identifier.ts";
import { encodeExtension } from "../../src/core/certificate/extensions/extension.ts";
import { derChildren, parseDer } from "../../src/core/encoding/der-reader.ts";
import * as der from "../../src/core/encoding/der-writer.ts";
import { REASONS } from "../../src/core/errors.ts";
import { makeKey } from "../support/caller-keys.ts";
import { makeCaCertificate, makeKeyPair, pemOf, spkiOf } from "../support/certificate-fixtures.ts";
import type { KeyPair } from "../support/certificate-fixtures.ts";
import { editTbs } from "../support/edit-tbs.ts";
import type { EditTbs } from "../support/edit-tbs.ts";
import { opensslVerdict } from "../support/openssl.ts";
import { operatorConfig, PASSPHRASE, writeOperatorKeys } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";
import { startTestService } from "../support/service.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";
import type { TestTlsPair } from "../support/tls-pair.ts";
import { askForCertificate } from "../support/ask.ts";
import { pemsIn } from "../support/issued.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Math.floor(Date.now() / 1000) * 1000;
const COST = { n: 2 ** 14, r: 8, p: 1 };

const folder = mkdtempSync(join(tmpdir(), "mayfly-rows-start-"));
const configFile = join(folder, "mayfly.yaml");
const chainFile = join(folder, "chain.pem");
const keyFile = join(folder, "issuing.json");

const [root, middle, issuing] = [makeKeyPair("ecdsa-p384"), makeKeyPair("ecdsa-p256"), makeKeyPair("ecdsa-p256")];
const P384: SignatureAlgorithm = "ecdsa-p384-sha384";

const writeKey = async ({ privateKey }: KeyPair) => {
  writeFileSync(keyFile, await encryptKeyFile(privateKey, PASSPHRASE, COST), { mode: 0o600 });
};
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};

beforeAll(async () => {
  await writeOperatorKeys(folder);
  writeFileSync(configFile, operatorConfig(folder));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const named = (commonName: string, { spki }: Pick<KeyPair, "spki">) => ({
  name: { organization: "Mayfly tests", commonName },
  subjectPublicKeyInfo: spki,
});
/** A CA certificate that has been valid for a day; the root's own unless told otherwise. */
function certificate(
  key: Pick<KeyPair, "spki">,
  name: string,
  changes: Partial<CaTemplate> = {},
  by = root,
): Uint8Array {
  return makeCaCertificate({ ...root, spki: key.spki }, by, {
    algorithm: by === root ? P384 : "ecdsa-p256-sha256",
    subject: named(name, key),
    notBeforeMs: NOW_MS - DAY_MS,
    notAfterMs: NOW_MS + DAY_MS,
    ...changes,
  });
}
const below = { issuer: named("root", root), pathLength: 0 };
const rootCertificate = certificate(root, "root");
const issuingCertificate = certificate(issuing, "issuing", below);

/** A certificate with parts of its TBS changed, signed again by the root's key. */
function edited(original: Uint8Array, edit: EditTbs): Uint8Array {
  const tbs = editTbs(derChildren(parseDer(original))[0]!.bytes, edit);
  const algorithm = der.sequence(der.oid("1.2.840.10045.4.3.3"));
  return der.sequence(tbs, algorithm, der.bitString(sign("sha384", tbs, root.privateKey)));
}
const without =
  (oid: string): EditTbs =>
  ({ extensions }) => {
    const at = extensions.findIndex((extension) => Buffer.from(extension).includes(Buffer.from(der.oid(oid))));
    expect(at).toBeGreaterThanOrEqual(0);
    extensions.splice(at, 1);
  };
const withExtension =
  (oid: string, criticality: "critical" | "not-critical", value: Uint8Array): EditTbs =>
  (parts) => {
    if (oid === BASIC_CONSTRAINTS) without(oid)(parts);
    parts.extensions.push(encodeExtension(der.oid(oid), criticality, value));
  };
const KEY_USAGE = "2.5.29.15";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXT_KEY_USAGE = "2.5.29.37";
/** keyUsage cRLSign alone. */
const withoutCertSign: EditTbs = (parts) => {
  without(KEY_USAGE)(parts);
  withExtension(KEY_USAGE, "critical", Uint8Array.of(0x03, 0x02, 0x01, 0x02))(parts);
};
const notCa = withExtension(BASIC_CONSTRAINTS, "critical", der.sequence());
const forTimeStamping = withExtension(EXT_KEY_USAGE, "not-critical", der.sequence(der.oid("1.3.6.1.5.5.7.3.8")));

describe("a CA that is served", () => {
  const rsa = makeKeyPair("rsa-4096");
  const underMiddle = certificate(issuing, "issuing", { issuer: named("middle", middle), pathLength: 0 }, middle);
  const CHAINS: readonly (readonly [string, KeyPair, readonly Uint8Array[]])[] = [
    ["[FC246] [FC270] [FC274] an ECDSA key, issuing CA and root", issuing, [issuingCertificate, rootCertificate]],
    ["[FC247] a root that signs leaves itself", root, [rootCertificate]],
    [
      "[FC248] [FC275] two CAs below the root",
      issuing,
      [underMiddle, certificate(middle, "middle", { issuer: named("root", root), pathLength: 1 }), rootCertificate],
    ],
    ["[FC272] an RSA-4096 key", rsa, [certificate(rsa, "issuing", below), rootCertificate]],
  ];

  it.each(CHAINS)("%s: OpenSSL verifies what it signs, and answers hold the whole chain", async (_ca, key, chain) => {
    await writeKey(key);
    const pem = pemOf(...chain);
    writeFileSync(chainFile, pem);
    const ca = `ca: { chain: ${chainFile}, signer: { kind: file, path: ${keyFile}, passphrase: { file: ${join(folder, "passphrase")} } } }`;
    const mayfly = await startTestService((text) => text.replace(/^ca: .*$/mu, ca));
    try {
      const token = await mayfly.issuer.mintToken("email");
      const [leaf, ...above] = pemsIn(await askForCertificate(mayfly.service.publicUrl, token));
      expect(`${above.join("\n")}\n`).toBe(pem);
      expect(opensslVerdict(leaf!, above)).toBe("leaf.pem: OK\n");
      const bundle = await request(mayfly.service.publicUrl).get("/api/v2/trustBundle");
      expect(bundle.body).toEqual({ chains: [{ certificates: above.map((certificate) => `${certificate}\n`) }] });
    } finally {
      await mayfly.close();
    }
  });

  it("[FC262] has its keys in memory: issuing CA and a root of ten years", async () => {
    const mayfly = await startTestService((text) => text.replace(/^ca: .*$/mu, "ca: { signer: { kind: memory } }"));
    try {
      const { body } = (await request(mayfly.service.publicUrl).get("/api/v2/trustBundle")) as {
        body: { chains: [{ certificates: string[] }] };
      };
      const [issuingCa, rootCa, ...others] = body.chains[0].certificates.map((text) => new X509Certificate(text));
      expect(others).toEqual([]);
      expect(rootCa!.verify(rootCa!.publicKey) && issuingCa!.verify(rootCa!.publicKey)).toBe(true);
      expect(rootCa!.validToDate.getTime() - rootCa!.validFromDate.getTime()).toBe(10 * 365 * DAY_MS);
      const hex = rootCa!.raw.toString("hex");
      expect(hex).toContain("0603551d0f0101ff040403020106"); // keyUsage, critical: keyCertSign, cRLSign
      expect(hex).toContain("0603551d130101ff040830060101ff020101"); // basicConstraints, critical: CA, pathLength 1
    } finally {
      await mayfly.close();
    }
  });
});

/** Starts the service, which must refuse in one line, with its reason at the end, and with exit code 1. */
async function expectStartRefused(says: string, file = configFile): Promise<void> {
  const { code, stdout, stderr } = await runCli(["serve", "--config", file]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  const { line, reason } = /^mayfly: (?<line>[^\n]*) \((?<reason>[A-Z_]+)\)\n$/u.exec(stderr)?.groups ?? {};
  expect({
    line,
    isReason: Object.values<readonly string[]>(REASONS)
      .flat()
      .includes(reason ?? ""),
  }).toEqual({ line: says, isReason: true });
}

describe("a start that is refused", () => {
  const foreign = makeKeyPair("ecdsa-p384");
  const p224: Pick<KeyPair, "spki"> = { spki: spkiOf(makeKey("ecdsa-p224").publicKey) };
  const NOT_PEM = "the chain file is not PEM with nothing around its blocks";
  const NOT_SIGNED = "certificate 1 is not signed by the next one's key";
  const NO_EKU = "certificate must have extended key usage code signing set to sign code signing certificates";
  const CHAINS: readonly (readonly [string, () => string, string])[] = [
    [
      "[FC249] [FC276] [N10] a leaf in the CA's place",
      () => pemOf(edited(issuingCertificate, notCa), rootCertificate),
      "certificate 1: it is not a CA: no CA:TRUE",
    ],
    [
      "[FC276] a lone certificate that is no CA",
      () => pemOf(edited(rootCertificate, notCa)),
      "certificate 1: it is not a CA: no CA:TRUE",
    ],
    [
      "[FC250] [N10] an issuing CA without codeSigning",
      () => pemOf(edited(issuingCertificate, without(EXT_KEY_USAGE)), rootCertificate),
      NO_EKU,
    ],
    [
      "[FC251] [N10] a root that has nothing to do with it",
      () => pemOf(issuingCertificate, certificate(foreign, "other", {}, foreign)),
      "certificate 1 does not name the next one as its issuer: issuing CA first, root last",
    ],
    [
      "[FC252] a root of the same name that did not sign it",
      () => pemOf(issuingCertificate, certificate(foreign, "root", {}, foreign)),
      NOT_SIGNED,
    ],
    [
      "[FC253] a P-224 issuing CA",
      () => pemOf(certificate(p224, "issuing", below), rootCertificate),
      "certificate 1: its key is not ECDSA P-256, P-384 or P-521, nor RSA",
    ],
    ["[FC254] an empty file", () => "", `${NOT_PEM}: no PEM block`],
    ["[FC260] a text that is no PEM", () => "chain", `${NOT_PEM}: text outside a PEM block`],
    [
      "[FC278] [N10] a root for time stamping only",
      () => pemOf(issuingCertificate, edited(rootCertificate, forTimeStamping)),
      "certificate 2 has an extKeyUsage without codeSigning",
    ],
    [
      "[N10] an issuing CA that may not sign certificates",
      () => pemOf(edited(issuingCertificate, withoutCertSign), rootCertificate),
      "certificate 1: keyUsage does not contain keyCertSign",
    ],
    [
      "[N10] root first",
      () => pemOf(rootCertificate, issuingCertificate),
      "certificate 1 does not name the next one as its issuer: issuing CA first, root last",
    ],
    [
      "[N10] a certificate too many",
      () => pemOf(issuingCertificate, rootCertificate, certificate(foreign, "other", {}, foreign)),
      "certificate 2 does not name the next one as its issuer: issuing CA first, root last",
    ],
    [
      "[N10] [N9] a chain that has expired",
      () => pemOf(certificate(issuing, "issuing", { ...below, notAfterMs: NOW_MS - 1000 }), rootCertificate),
      "certificate 1 has expired",
    ],
  ];
  it.each(CHAINS)("for its chain: %s", async (_chain, pem, says) => {
    await writeKey(issuing);
    writeFileSync(chainFile, pem());
    await expectStartRefused(`ca.chain ${chainFile}: ${says}`);
  });

  it("[FC277] [N8] for a key that is not the chain's, with both identifiers", async () => {
    await writeKey(middle);
    writeFileSync(chainFile, pemOf(issuingCertificate, rootCertificate));
    const [expected, actual] = [issuing, middle].map(({ spki }) => Buffer.from(keyIdentifier(spki)).toString("hex"));
    await expectStartRefused(`ca.chain ${chainFile}: ecdsa public keys are not equal (${expected!}, ${actual!})`);
  });

  it("[FC271] for an Ed25519 key", async () => {
    await writeKey(makeKeyPair("ed25519"));
    await expectStartRefused(
      `ca.signer ${keyFile}: the key is ed25519; expected ecdsa-p256-sha256 or ecdsa-p384-sha384 or ecdsa-p521-sha512 or rsa-pkcs1-sha256`,
    );
  });

  it.each(["tink", "google-ca-service"])("for a key that is kept by %s", async (kind) => {
    const file = write("kind.yaml", readFileSync(configFile, "utf8").replace("kind: file", `kind: ${kind}`));
    const { code, stdout, stderr } = await runCli(["serve", "--config", file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("ca.signer.kind");
  });

  it("[FC44] for an issuer of a kind nobody knows, with line and setting", async () => {
    const text = readFileSync(configFile, "utf8").replace("kind: email", "kind: custom");
    const file = write("custom.yaml", text);
    const line = text.split("\n").findIndex((at) => at.includes("custom")) + 1;
    const { code, stdout, stderr } = await runCli(["serve", "--config", file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`${file}:${line}: issuers[0].identity.kind`);
  });
});

describe("a TLS pair that cannot be served with", () => {
  const [certificateFile, tlsKeyFile] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  const file = join(folder, "tls.yaml");
  let pair: TestTlsPair;
  beforeAll(async () => {
    await writeKey(issuing);
    writeFileSync(chainFile, pemOf(issuingCertificate, rootCertificate));
    pair = makeTestTlsPair(folder, "server");
    const tls = `$&, tls: { certificate: ${certificateFile}, key: ${tlsKeyFile} }`;
    writeFileSync(file, operatorConfig(folder).replace('http: { listen: "127.0.0.1:0"', tls));
    expect((await runCli(["log", "init", "--config", file])).code).toBe(0);
  });

  const PAIRS: readonly (readonly [string, () => readonly (string | undefined)[], RegExp])[] = [
    ["[FC36] neither file is there", () => [], /the files cannot be read: ENOENT: [^\n]*tls\.(?:crt|key)/u],
    ["[FC36] the certificate is not there", () => [undefined, pair.key], /cannot be read: ENOENT: [^\n]*tls\.crt/u],
    ["[FC36] the key is not there", () => [pair.certificate], /cannot be read: ENOENT: [^\n]*tls\.key/u],
    ["[FC37] neither is PEM", () => ["no", "no"], /the certificate cannot be used/u],
    ["[FC38] the key is not PEM", () => [pair.certificate, "no"], /the key cannot be used/u],
    ["[FC39] the certificate is not PEM", () => ["no", pair.key], /the certificate cannot be used/u],
  ];
  it.each(PAIRS)("%s: refuses the start, naming the setting", async (_fault, texts, says) => {
    const [certificate, key] = texts();
    for (const [path, text] of [
      [certificateFile, certificate],
      [tlsKeyFile, key],
    ] as const) {
      rmSync(path, { force: true });
      if (text !== undefined) writeFileSync(path, text);
    }
    const { code, stdout, stderr } = await runCli(["serve", "--config", file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^http\.tls \([^\n]*\n$/u);
    expect(stderr).toMatch(says);
    expect(stderr).not.toContain("PRIVATE");
  });
});
