import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { TokenClaims } from "../../dev/token-claims.ts";
import { ask } from "../support/ask.ts";
import type { Answer } from "../support/ask.ts";
import { sendGrpc } from "../support/differential/send-grpc.ts";
import type { GrpcAnswer } from "../support/differential/send-grpc.ts";
import { grpcCallOf, pemsOfMessage } from "../support/golden-call.ts";
import { GOLDEN_REQUESTS, isByCsr, isSameKey, keyOf, withToken } from "../support/golden-requests.ts";
import type { GoldenRequest } from "../support/golden-requests.ts";
import { pemsIn } from "../support/issued.ts";
import { badProof, badToken, expectRefused, TEXT } from "../support/refusal.ts";
import { ANCHORS, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";

let mayfly: TestService;
beforeAll(async () => {
  mayfly = await startTestService('grpc: { listen: "127.0.0.1:0" }\n');
});
afterAll(() => mayfly.close());

interface Replay {
  /** Of the token, in place of those of whoever made the proof. */
  readonly claims?: TokenClaims;
  /** In place of a fresh token. */
  readonly token?: string;
  /** Put before the path, as clients do whose base URL ends in a slash. */
  readonly slash?: string;
}

/** Sends a client's request again, octet for octet but for the token. */
async function replay(golden: GoldenRequest, { claims, token, slash = "" }: Replay = {}): Promise<Answer> {
  const { method, path, headers, body } = withToken(
    golden,
    token ?? (await mayfly.issuer.mintToken(golden.kind, claims)),
  );
  const fields = headers.map(([name, value]): [string, string] => [name, value]);
  return ask(`${mayfly.service.publicUrl}${slash}${path}`, { method, headers: fields, body });
}

const isV1 = ({ path }: GoldenRequest): boolean => path.includes("/v1/");

/** The certificates of the answer, read as the clients of that version read it. */
function certificatesIn(golden: GoldenRequest, answer: Answer): readonly X509Certificate[] {
  if (!isV1(golden)) return pemsIn(answer).map((pem) => new X509Certificate(pem));
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 201, text: answer.text });
  return answer.text.split(/(?<=-----END CERTIFICATE-----)\n/u).map((pem) => new X509Certificate(pem));
}

const SAN = {
  email: "email:dev@example.com",
  github: "URI:https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main",
} as const;
const SOMEBODY_ELSE = {
  email: { email: "ev@example.com" },
  github: { sub: "repo:octo-org/other-repo:ref:refs/heads/main" },
} as const;
const BY_NAME = GOLDEN_REQUESTS.map((golden) => [golden.name, golden] as const);

describe("what a client really sends to sign", () => {
  it("is there from every client, for both versions and both kinds of identity", () => {
    const clients = new Set(
      GOLDEN_REQUESTS.map(({ name }) => name.split(/-(?=email|github|http|grpc|session|v1|ecdsa|rsa)/u)[0]),
    );
    expect([...clients]).toEqual([
      "cosign2",
      "cosign3",
      "gitsign",
      "go-witness",
      "sigstore-java",
      "sigstore-js",
      "sigstore-python",
      "sigstore-rs",
      "sigstore-ruby",
    ]);
    expect(GOLDEN_REQUESTS.filter(({ headers, body }) => !JSON.stringify([headers, body]).includes("{token}"))).toEqual(
      [],
    );
    expect(GOLDEN_REQUESTS.filter(({ source }) => !/^(?:recorded|composed)/u.test(source))).toEqual([]);
  });

  /** Where the version of a client that says it is pinned, and how. */
  const PINS: Readonly<Record<string, readonly [file: string, line: (version: string) => string]>> = {
    cosign: ["cosign2/go.mod", (version) => `github.com/sigstore/cosign/v2 ${version} `],
    "sigstore-go": ["cosign3/go.mod", (version) => `github.com/sigstore/sigstore-go ${version} `],
    "sigstore-js": ["sigstore-js/package-lock.json", (version) => `"@sigstore/sign": "${version}"`],
    "sigstore-python": ["sigstore-python/requirements.txt", (version) => `sigstore==${version}`],
  };

  it("is recorded from the versions that the other tests run", () => {
    const recorded = GOLDEN_REQUESTS.filter(({ source }) => source.startsWith("recorded"));
    const agents = recorded.flatMap(({ headers }) =>
      headers.filter(([name]) => name.toLowerCase() === "user-agent").map(([, value]) => value),
    );
    const versions = new Set(agents.map((agent) => agent.split(" ")[0] ?? "").filter((agent) => agent.includes("/")));
    expect(new Set([...versions].map((agent) => agent.split("/")[0]))).toEqual(new Set(Object.keys(PINS)));
    for (const agent of versions) {
      const [name = "", version = ""] = agent.split("/");
      const [file, line] = PINS[name]!;
      expect(readFileSync(`tools/clients/${file}`, "utf8")).toContain(line(version));
    }
  });

  it.each(BY_NAME)(
    "[CL1] [CL2] [CL4] [CL5] [CL6] [CL7] [CL8] [CL9] [CL10] [CL11] is answered as it must be: %s",
    async (_name, golden) => {
      const answer = await replay(golden);
      const [leaf, ...issuers] = certificatesIn(golden, answer);
      expect(isSameKey(leaf!.publicKey, keyOf(golden))).toBe(true);
      expect(leaf!.subjectAltName).toBe(SAN[golden.kind]);
      expect(issuers.map(String).join("")).toBe(ANCHORS.chainPem);
      expect(answer.headers["content-type"]).toBe(
        isV1(golden) ? "application/pem-certificate-chain" : "application/json",
      );
      expect(answer.headers["sct"]).toBeUndefined();
    },
  );

  it.each(BY_NAME)("[CL23] [CL24] may come again, and under two slashes: %s", async (_name, golden) => {
    const [first] = certificatesIn(golden, await replay(golden));
    const [second] = certificatesIn(golden, await replay(golden, { slash: "/" }));
    expect(first!.serialNumber).not.toBe(second!.serialNumber);
  });

  it.each(BY_NAME)(
    "[CL22] is refused with a client's error, and in JSON, for a bad token: %s",
    async (_name, golden) => {
      const now = Math.floor(Date.now() / 1000);
      const old = await mayfly.issuer.mintToken(golden.kind, { iat: now - 600, nbf: now - 600, exp: now - 1 });
      expectRefused(await replay(golden, { token: old }), badToken("TOKEN_EXPIRED"));
      expectRefused(await replay(golden, { claims: { aud: "other" } }), badToken("WRONG_AUDIENCE"));
      expectRefused(await replay(golden, { token: "{token}" }), badToken("TOKEN_MALFORMED"));
    },
  );

  it.each(BY_NAME.filter(([, golden]) => !isByCsr(golden)))(
    "[CL9] is refused with the token of somebody else, whose name its proof does not sign: %s",
    async (_name, golden) => {
      const refusal = {
        email: badProof("PROOF_INVALID"),
        github: { ...badProof("PROOF_INVALID"), message: TEXT.proofOfSubject },
      };
      expectRefused(await replay(golden, { claims: SOMEBODY_ELSE[golden.kind] }), refusal[golden.kind]);
    },
  );
});

describe("the same over gRPC", () => {
  /** google.rpc.Code. */
  const INVALID_ARGUMENT = 3;

  async function call(golden: GoldenRequest, claims: TokenClaims = {}): Promise<GrpcAnswer> {
    const { host } = new URL(mayfly.service.grpcUrl ?? "");
    return sendGrpc(host, grpcCallOf(withToken(golden, await mayfly.issuer.mintToken(golden.kind, claims))));
  }

  it.each(BY_NAME)("[CL3] [CL4] [CL7] [CL9] [CL11] is answered as it must be: %s", async (_name, golden) => {
    const { code, text, message } = await call(golden);
    expect({ code, text }).toEqual({ code: 0, text: "OK" });
    const [leaf, ...issuers] = pemsOfMessage(golden, message!).map((pem) => new X509Certificate(pem));
    expect(isSameKey(leaf!.publicKey, keyOf(golden))).toBe(true);
    expect(leaf!.subjectAltName).toBe(SAN[golden.kind]);
    expect(issuers.map(String).join("")).toBe(ANCHORS.chainPem);
  });

  it.each(BY_NAME)("[CL22] is refused as over HTTP: %s", async (_name, golden) => {
    const { code, text, message } = await call(golden, { aud: "other" });
    expect({ code, text, message }).toEqual({ code: INVALID_ARGUMENT, text: TEXT.token, message: undefined });
    if (isByCsr(golden)) return;
    const proof = golden.kind === "email" ? TEXT.proofOfAddress : TEXT.proofOfSubject;
    const other = await call(golden, SOMEBODY_ELSE[golden.kind]);
    expect([other.code, other.text, other.message]).toEqual([INVALID_ARGUMENT, proof, undefined]);
  });
});
