import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import request from "supertest";
import { decodeDataTile } from "../../src/core/ct/static-entry.ts";
import { makeKey, pemOf } from "../support/caller-keys.ts";
import type { CallerKey } from "../support/caller-keys.ts";
import { expectFulcioLeaf } from "../support/fulcio-leaf.ts";
import type { LeafContent } from "../support/fulcio-leaf.ts";
import { opensslCsr } from "../support/openssl-csr.ts";
import { ANCHORS, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { askForCertificate } from "../support/ask.ts";
import { pemsIn } from "../support/issued.ts";
import { expectRefused, TEXT } from "../support/refusal.ts";
import { CALLER, csrRequest, keyRequest, proofBy, rawKeyRequest } from "../support/signing-body.ts";
import { opensslVerdict } from "../support/openssl.ts";

let mayfly: TestService;
let url: string;
beforeAll(async () => {
  mayfly = await startTestService();
  url = mayfly.service.publicUrl;
});
afterAll(async () => {
  await mayfly.close();
});

const CHAIN = ANCHORS.chainPem.trimEnd().split(/(?<=-----END CERTIFICATE-----)\n/u);

const emailToken = () => mayfly.issuer.mintToken("email", { email: CALLER, sub: "4711" });
const emailLeaf = (): LeafContent => ({
  subjectAltName: `email:${CALLER}`,
  extensions: [
    [1, mayfly.issuer.url],
    [8, mayfly.issuer.url],
    [24, "4711"],
  ],
});

/** Signs for the e-mail identity and holds the whole answer to what Fulcio answers. */
async function expectIssued(key: CallerKey, body: object): Promise<string> {
  const [leaf, ...chain] = pemsIn(await askForCertificate(url, await emailToken(), body));
  expect(chain).toEqual(CHAIN);
  expectFulcioLeaf(leaf!, key, emailLeaf());
  return leaf!;
}

describe("identities", () => {
  it("[FC5] [FC46] [FC245] [FC258] names the address of an e-mail token and nothing else", async () => {
    const key = makeKey("ecdsa-p256");
    const leaf = await expectIssued(key, keyRequest(key));
    expect(`${leaf}\n`).toBe(new X509Certificate(leaf).toString());
    expect(leaf.match(/-----BEGIN/gu)).toHaveLength(1);
  });

  const GITHUB = "https://github.com";
  const REPOSITORY = `${GITHUB}/octo-org/octo-repo`;
  const SHA = "8f3c2a7d5b1e4f6098a7c6d5e4b3a29180f7e6d5";
  const WORKFLOW = `${REPOSITORY}/.github/workflows/release.yml@refs/heads/main`;
  const jobLeaf = (subject: string, environment: readonly (readonly [number, string])[]): LeafContent => ({
    subjectAltName: `URI:${WORKFLOW}`,
    extensions: [
      [1, mayfly.issuer.githubUrl],
      [2, "push"],
      [3, SHA],
      [4, "release"],
      [5, "octo-org/octo-repo"],
      [6, "refs/heads/main"],
      [8, mayfly.issuer.githubUrl],
      [9, WORKFLOW],
      [10, SHA],
      [11, "github-hosted"],
      [12, REPOSITORY],
      [13, SHA],
      [14, "refs/heads/main"],
      [15, "74"],
      [16, `${GITHUB}/octo-org`],
      [17, "65"],
      [18, WORKFLOW],
      [19, SHA],
      [20, "push"],
      [21, `${REPOSITORY}/actions/runs/10264829105/attempts/1`],
      [22, "public"],
      ...environment,
      [24, subject],
    ],
  });

  it.each([
    ["[FC11] outside any environment", "", "repo:octo-org/octo-repo:ref:refs/heads/main", []],
    [
      "[FC12] [FC286] of an environment",
      "production",
      "repo:octo-org/octo-repo:environment:production",
      [[23, "production"]],
    ],
  ] as const)("[FC47] names the workflow of a job %s, and says all there is", async (_job, environment, sub, extra) => {
    const key = makeKey("ecdsa-p256");
    const token = await mayfly.issuer.mintToken("github", { environment });
    const [leaf] = pemsIn(await askForCertificate(url, token, keyRequest(key, proofBy(key, sub))));
    expectFulcioLeaf(leaf!, key, jobLeaf(sub, extra));
  });

  it.each([
    [
      "[FC46] an e-mail issuer",
      () => mayfly.issuer.mintToken("email", { email: undefined, job_workflow_ref: "o/r/w@r" }),
    ],
    [
      "[FC47] a GitHub Actions issuer",
      () => mayfly.issuer.mintToken("github", { job_workflow_ref: undefined, email: CALLER, email_verified: true }),
    ],
  ])("%s does not take the claims of the other kind", async (_issuer, mint) => {
    const answer = await askForCertificate(url, await mint(), keyRequest(makeKey("ecdsa-p256")));
    expectRefused(answer, { status: 400, code: 3, message: TEXT.token, reason: "TOKEN_CLAIM_MISSING" });
  });

  it("takes the same request again, and gives another certificate", async () => {
    const key = makeKey("ecdsa-p256");
    const body = keyRequest(key);
    const [first, second] = [await expectIssued(key, body), await expectIssued(key, body)];
    expect(new X509Certificate(first).serialNumber).not.toBe(new X509Certificate(second).serialNumber);
  });
});

describe("keys and proofs", () => {
  it.each([
    ["[FC234]", "ecdsa-p256"],
    ["[FC235]", "ecdsa-p384"],
    ["[FC236]", "ecdsa-p521"],
    ["[FC17] [FC237]", "rsa-2048"],
    ["[FC238]", "rsa-3072"],
    ["[FC239]", "rsa-4096"],
    ["[FC240]", "ed25519"],
  ])("%s certifies a %s key for a good proof and for nothing else", async (_rows, type) => {
    const key = makeKey(type);
    const content = pemOf(key.publicKey);
    const leaf = await expectIssued(key, keyRequest(key));
    expect(opensslVerdict(leaf, CHAIN)).toBe("leaf.pem: OK\n");
    const token = await emailToken();
    const wrong = { status: 400, code: 3, message: TEXT.proofOfAddress, reason: "PROOF_INVALID" } as const;
    expectRefused(await askForCertificate(url, token, rawKeyRequest(content, Buffer.from("junk"))), wrong);
    const other = rawKeyRequest(content, proofBy(key, "other@example.com"));
    expectRefused(await askForCertificate(url, token, other), wrong);
    const none = rawKeyRequest("", proofBy(key));
    expectRefused(await askForCertificate(url, token, none), {
      status: 400,
      code: 3,
      message: TEXT.publicKey,
      reason: "KEY_MISSING",
    });
  });

  it.each([
    ["lines that end in LF", (pem: string) => pem],
    ["lines that end in CRLF", (pem: string) => pem.replaceAll("\n", "\r\n")],
    ["no newline at its end", (pem: string) => pem.trimEnd()],
    ["one line of base64", (pem: string) => pem.replaceAll(/(?<![-])\n(?!-)/gu, "")],
  ])("[CL7] [FC241] certifies a key as PEM with %s", async (_layout, change) => {
    const key = makeKey("rsa-2048");
    const content = change(pemOf(key.publicKey).toString());
    await expectIssued(key, rawKeyRequest(content, proofBy(key)));
  });

  it("[FC241] certifies an RSA key in the form of PKCS#1", async () => {
    const key = makeKey("rsa-2048");
    const content = key.publicKey.export({ type: "pkcs1", format: "pem" }).toString();
    await expectIssued(key, rawKeyRequest(content, proofBy(key)));
  });

  it.each(["ECDSA", "RSA", "PKIX_ECDSA_P256_SHA_256", 2, 7, null, undefined])(
    "[FC241] certifies a key whatever its algorithm field says: %p",
    async (algorithm) => {
      const key = makeKey("ecdsa-p256");
      await expectIssued(key, {
        publicKeyRequest: {
          publicKey: { algorithm, content: pemOf(key.publicKey).toString() },
          proofOfPossession: proofBy(key).toString("base64"),
        },
      });
    },
  );
});

describe("certification requests", () => {
  const SUBJECTS: readonly (readonly [string, string, readonly string[]])[] = [
    ["CN=test", "/CN=test", []],
    ["an empty subject", "/", []],
    ["an address of somebody else", "/emailAddress=ceo@example.com", ["basicConstraints=critical,CA:FALSE"]],
    ["nonsense", "/DC=example/CN=noone", []],
    ["a wish to be a CA", "/CN=CA", ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]],
    ["other names", "/CN=x", ["subjectAltName=email:ceo@example.com,URI:https://x.example"]],
  ];
  it.each(SUBJECTS)(
    "[FC18] takes the P-256 key of one with %s, and nothing else",
    async (_what, subject, extensions) => {
      const key = makeKey("ecdsa-p256");
      const args = extensions.flatMap((extension) => ["-addext", extension]);
      await expectIssued(key, csrRequest(opensslCsr(key, { subject, args })));
    },
  );

  it("[FC19] takes the RSA-2048 key of one", async () => {
    const key = makeKey("rsa-2048");
    await expectIssued(key, csrRequest(opensslCsr(key)));
  });
});

describe("[FC256] what the log holds", () => {
  it("is a precertificate that verifies nowhere, and the certificate verifies", async () => {
    const key = makeKey("ecdsa-p256");
    const leaf = await expectIssued(key, keyRequest(key));
    const size = Number((await request(url).get("/test-log/checkpoint")).text.split("\n")[1]);
    const tile = await request(url).get(`/test-log/tile/data/000.p/${size}`).responseType("blob");
    const entries = decodeDataTile(tile.body as Buffer).map(
      ({ preCertificate }) => new X509Certificate(preCertificate!),
    );
    const { serialNumber } = new X509Certificate(leaf);
    const precertificate = entries.filter((entry) => entry.serialNumber === serialNumber);
    expect(precertificate).toHaveLength(1);
    expect(opensslVerdict(precertificate[0]!.toString(), CHAIN)).toContain("unhandled critical extension");
    expect(opensslVerdict(leaf, CHAIN)).toBe("leaf.pem: OK\n");
  });
});

describe("reads", () => {
  it("[FC2] [FC255] [FC257] GET trustBundle gives the one chain in the order of its file", async () => {
    const answer = await request(url).get("/api/v2/trustBundle");
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ chains: [{ certificates: CHAIN.map((pem) => `${pem}\n`) }] });
    const root = new X509Certificate(CHAIN.at(-1)!);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(CHAIN.map((pem) => pem.match(/-----BEGIN CERTIFICATE-----/gu)?.length)).toEqual([1, 1]);
  });

  it("[FC257] a signing answer holds the chain without final newlines", async () => {
    const key = makeKey("ecdsa-p256");
    const [, ...chain] = pemsIn(await askForCertificate(url, await emailToken(), keyRequest(key)));
    expect(`${chain.join("\n")}\n`).toBe(ANCHORS.chainPem);
  });

  it("[FC28] [FC29] GET trustBundle can be read from any origin and shows no gateway", async () => {
    const { status, headers } = await request(url).get("/api/v2/trustBundle").set("Origin", "https://pages.example");
    expect(status).toBe(200);
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(Object.keys(headers as object).filter((name) => name.startsWith("grpc-"))).toEqual([]);
  });

  it("[FC33] GET /healthz says SERVING, whatever service is asked for", async () => {
    for (const path of ["/healthz", "/healthz?service=", "/healthz?service=grpc.health.v1.Health"]) {
      const answer = await request(url).get(path);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ status: "SERVING" });
    }
  });
});

describe("[FC41] a body", () => {
  const LIMIT = 128 * 1024;
  const post = (bytes: number) =>
    request(url).post("/api/v2/signingCert").set("Content-Type", "application/json").send("{}".padEnd(bytes));

  it.each([LIMIT - 1, LIMIT])("of %d bytes is read", async (bytes) => {
    expectRefused(await post(bytes), { status: 400, code: 3, message: TEXT.token, reason: "TOKEN_MISSING" });
  });

  it("with a byte more is refused", async () => {
    expectRefused(await post(LIMIT + 1), { status: 413, code: 3, message: TEXT.tooLarge, reason: "BODY_TOO_LARGE" });
  });
});
