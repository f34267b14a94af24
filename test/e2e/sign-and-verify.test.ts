import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import request from "supertest";
import { leafOf, signFile } from "../../dev/sign-file.ts";
import { verifyBundle, verifyChain } from "../../dev/verify-bundle.ts";
import { verifyLogProof } from "../../dev/verify-log-proof.ts";
import type { Reason } from "../../src/core/errors.ts";
import { makeKey, pemOf } from "../support/caller-keys.ts";
import { badToken, expectRefused } from "../support/refusal.ts";
import { ANCHORS, ORIGIN, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { keyRequest, proofBy } from "../support/signing-body.ts";
import { requireIncluded } from "../support/sigstore-merkle.ts";

let mayfly: TestService;
const file = join(mkdtempSync(join(tmpdir(), "mayfly-artifact-")), "artifact");

beforeAll(async () => {
  writeFileSync(file, "an artifact\n");
  mayfly = await startTestService();
});

afterAll(async () => {
  await mayfly.close();
});

const logUrl = (): { url: string; origin: string } => ({ url: `${mayfly.service.publicUrl}/test-log`, origin: ORIGIN });

interface SigningAnswer {
  readonly signedCertificateEmbeddedSct: { readonly chain: { readonly certificates: readonly string[] } };
}

/** A signing call by hand, as sigstore-go makes it: token in the header, PEM and proof in the body. */
async function requestCertificate(keyType: string, token: string, challenge: string): Promise<X509Certificate> {
  const key = makeKey(keyType);
  const answer = await request(mayfly.service.publicUrl)
    .post("/api/v2/signingCert")
    .set("Authorization", `Bearer ${token}`)
    .send({
      publicKeyRequest: {
        publicKey: { algorithm: "ECDSA", content: pemOf(key.publicKey).toString("utf8") },
        proofOfPossession: proofBy(key, challenge).toString("base64"),
      },
    });
  expect(answer.text).toContain("signedCertificateEmbeddedSct");
  expect(answer.status).toBe(200);
  const leaf = new X509Certificate((answer.body as SigningAnswer).signedCertificateEmbeddedSct.chain.certificates[0]!);
  expect(leaf.publicKey.equals(key.publicKey)).toBe(true);
  return leaf;
}

describe("an unmodified Sigstore client", () => {
  it("[U2] signs a file, and Sigstore's verifier accepts signature, chain, SCT and identity", async () => {
    const signed = await signFile(file, mayfly.service.publicUrl, () =>
      mayfly.issuer.mintToken("email", { email: "signer@example.com" }),
    );
    verifyBundle(signed, ANCHORS, "signer@example.com");
    verifyChain(leafOf(signed.bundle), ANCHORS);
  });

  it("signs as a GitHub Actions workflow", async () => {
    const signed = await signFile(file, mayfly.service.publicUrl, () => mayfly.issuer.mintToken("github"));
    verifyBundle(
      signed,
      ANCHORS,
      "https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main",
    );
  });

  it("gets a certificate that the log proves it holds, under a signed checkpoint", async () => {
    const signed = await signFile(file, mayfly.service.publicUrl, () => mayfly.issuer.mintToken("email"));
    const proof = await verifyLogProof(leafOf(signed.bundle), ANCHORS, logUrl());
    expect(proof.treeSize).toBeGreaterThan(proof.logIndex);
  });

  it("gets a certificate that clients of RFC 6962 find in the log, too", async () => {
    const signed = await signFile(file, mayfly.service.publicUrl, () => mayfly.issuer.mintToken("email"));
    const der = leafOf(signed.bundle);
    const leaf = new X509Certificate(der);
    const { logIndex } = await verifyLogProof(der, ANCHORS, logUrl());
    const get = async (path: string): Promise<unknown> => {
      const answer = await request(mayfly.service.publicUrl).get(`/test-log/ct/v1/${path}`);
      expect(answer.status).toBe(200);
      return answer.body as unknown;
    };
    const sth = (await get("get-sth")) as { readonly tree_size: number; readonly sha256_root_hash: string };
    const entry = (await get(`get-entry-and-proof?leaf_index=${logIndex}&tree_size=${sth.tree_size}`)) as {
      readonly leaf_input: string;
      readonly extra_data: string;
      readonly audit_path: readonly string[];
    };
    requireIncluded({
      leafInput: Buffer.from(entry.leaf_input, "base64"),
      leafIndex: logIndex,
      auditPath: entry.audit_path.map((hash) => Buffer.from(hash, "base64")),
      treeSize: sth.tree_size,
      root: Buffer.from(sth.sha256_root_hash, "base64"),
    });
    // PrecertChainEntry: the precertificate behind its length in three bytes.
    const extraData = Buffer.from(entry.extra_data, "base64");
    const precertificate = new X509Certificate(extraData.subarray(3, 3 + extraData.readUIntBE(0, 3)));
    expect(precertificate.serialNumber).toBe(leaf.serialNumber);
    expect(precertificate.publicKey.equals(leaf.publicKey)).toBe(true);
    const { certificates } = (await get("get-roots")) as { readonly certificates: readonly string[] };
    const [root] = certificates.map((each) => new X509Certificate(Buffer.from(each, "base64")));
    expect(root?.verify(root.publicKey)).toBe(true);
    const described = await request(mayfly.service.publicUrl).get("/test-log/log.v3.json");
    expect(described.body).toMatchObject({ description: ORIGIN, state: { usable: {} } });
  });

  it("is refused by the verifier under another identity, root or log key", async () => {
    const signed = await signFile(file, mayfly.service.publicUrl, () => mayfly.issuer.mintToken("email"));
    const otherLog = makeKey("ecdsa-p256").publicKey.export({ type: "spki", format: "der" });
    expect(() => {
      verifyBundle(signed, ANCHORS, "ev@example.com");
    }).toThrow();
    expect(() => {
      verifyBundle(signed, { ...ANCHORS, logPublicKey: otherLog }, "dev@example.com");
    }).toThrow();
    expect(() => {
      verifyBundle({ ...signed, artifact: Buffer.from("another artifact") }, ANCHORS, "dev@example.com");
    }).toThrow();
  });
});

describe("POST /api/v2/signingCert", () => {
  it.each(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"])(
    "[CL9] certifies a %s key, and OpenSSL verifies the chain strictly",
    async (keyType) => {
      const leaf = await requestCertificate(keyType, await mayfly.issuer.mintToken("email"), "dev@example.com");
      const folder = mkdtempSync(join(tmpdir(), "mayfly-openssl-"));
      const [issuing, root] = ANCHORS.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/u);
      writeFileSync(join(folder, "leaf.pem"), leaf.toString());
      writeFileSync(join(folder, "issuing.pem"), issuing!);
      writeFileSync(join(folder, "root.pem"), root!);
      const output = execFileSync(
        "openssl",
        ["verify", "-x509_strict", "-purpose", "any", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem"],
        { cwd: folder, encoding: "utf8" },
      );
      expect(output).toBe("leaf.pem: OK\n");
    },
  );

  it("takes a CSR made by OpenSSL and copies nothing from it", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const folder = mkdtempSync(join(tmpdir(), "mayfly-csr-"));
    writeFileSync(join(folder, "key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
    const csr = execFileSync(
      "openssl",
      [
        "req",
        "-new",
        "-key",
        "key.pem",
        "-subj",
        "/CN=noone/DC=example",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
      ],
      { cwd: folder },
    );
    const answer = await request(mayfly.service.publicUrl)
      .post("/api/v2/signingCert")
      .set("Accept", "application/pem-certificate-chain")
      .set("Authorization", `Bearer ${await mayfly.issuer.mintToken("email")}`)
      .send({ certificateSigningRequest: csr.toString("base64") });
    expect(answer.status).toBe(200);
    const leaf = new X509Certificate(
      (answer.body as SigningAnswer).signedCertificateEmbeddedSct.chain.certificates[0]!,
    );
    expect(leaf.subject).toBeUndefined();
    expect(leaf.ca).toBe(false);
    expect(leaf.subjectAltName).toBe("email:dev@example.com");
  });

  it("takes ES256 tokens too", async () => {
    await requestCertificate("ecdsa-p256", await mayfly.issuer.mintToken("email", {}, "ES256"), "dev@example.com");
  });

  it("gives each of 40 callers at once a certificate of its own, all of them in the log", async () => {
    const token = await mayfly.issuer.mintToken("email");
    const leaves = await Promise.all(
      Array.from({ length: 40 }, () => requestCertificate("ecdsa-p256", token, "dev@example.com")),
    );
    const proofs = await Promise.all(leaves.map((leaf) => verifyLogProof(leaf.raw, ANCHORS, logUrl())));
    expect(new Set(leaves.map(({ serialNumber }) => serialNumber)).size).toBe(40);
    expect(new Set(proofs.map(({ logIndex }) => logIndex)).size).toBe(40);
  });

  const REFUSALS: readonly { name: string; claims: Record<string, unknown>; reason: Reason }[] = [
    { name: "another audience", claims: { aud: "other" }, reason: "WRONG_AUDIENCE" },
    {
      name: "a token that has expired",
      claims: { exp: 1_700_000_000, iat: 1_699_999_000, nbf: 1_699_999_000 },
      reason: "TOKEN_EXPIRED",
    },
    { name: "an address that nobody verified", claims: { email_verified: false }, reason: "TOKEN_EMAIL_UNVERIFIED" },
    { name: "an issuer nobody configured", claims: { iss: "https://evil.example" }, reason: "ISSUER_UNKNOWN" },
    { name: "a token without a subject", claims: { sub: undefined }, reason: "TOKEN_CLAIM_MISSING" },
  ];

  it.each(REFUSALS)("refuses $name with Fulcio's text and its own reason", async ({ claims, reason }) => {
    const answer = await request(mayfly.service.publicUrl)
      .post("/api/v2/signingCert")
      .send({
        credentials: { oidcIdentityToken: await mayfly.issuer.mintToken("email", claims) },
        ...keyRequest(),
      });
    expectRefused(answer, badToken(reason));
  });

  it("logs nothing for a refused request", async () => {
    const before = await request(mayfly.service.publicUrl).get("/test-log/checkpoint");
    await request(mayfly.service.publicUrl).post("/api/v2/signingCert").send({});
    const after = await request(mayfly.service.publicUrl).get("/test-log/checkpoint");
    expect(after.text.split("\n")[1]).toBe(before.text.split("\n")[1]);
  });
});

describe("what the process tells", () => {
  it("answers the reads and the probes", async () => {
    const bundle = await request(mayfly.service.publicUrl).get("/api/v2/trustBundle");
    const { chains } = bundle.body as { chains: { certificates: string[] }[] };
    expect(
      chains.map(({ certificates }) => certificates.map((pem) => new X509Certificate(pem).fingerprint256)),
    ).toEqual([
      ANCHORS.chainPem
        .split(/(?<=-----END CERTIFICATE-----\n)/u)
        .filter((pem) => pem !== "")
        .map((pem) => new X509Certificate(pem).fingerprint256),
    ]);
    const configuration = await request(mayfly.service.publicUrl).get("/api/v2/configuration");
    expect((configuration.body as { issuers: unknown[] }).issuers).toHaveLength(2);
    expect((await request(mayfly.service.publicUrl).get("/healthz")).body).toEqual({ status: "SERVING" });
    expect((await request(mayfly.service.operationsUrl).get("/readyz")).status).toBe(200);
    expect((await request(mayfly.service.publicUrl).get("/metrics")).status).toBe(404);
  });

  it("counts certificates and log entries", async () => {
    const { text } = await request(mayfly.service.operationsUrl).get("/metrics");
    const certificates = Number(/^fulcio_new_certs (\d+)$/mu.exec(text)?.[1]);
    expect(certificates).toBeGreaterThan(0);
    expect(text).toContain('http_requests_total{code="200",method="post"}');
  });
});
