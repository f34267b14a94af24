import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn, spawnSync } from "node:child_process";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { fetch } from "undici";
import { startDevelopmentIssuer, type DevelopmentIssuer } from "../../dev/oidc-issuer.ts";

let issuer: DevelopmentIssuer;
beforeAll(async () => {
  issuer = await startDevelopmentIssuer();
});
afterAll(async () => {
  await issuer.close();
});

/** What a relying party does: discovery from the issuer's URL, its keys, then every check that jose makes. */
async function verify(token: string, issuerUrl: string) {
  const metadata = (await (await fetch(`${issuerUrl}/.well-known/openid-configuration`)).json()) as Metadata;
  expect(metadata.issuer).toBe(issuerUrl);
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
  return jwtVerify(token, keys, {
    issuer: issuerUrl,
    audience: "sigstore",
    algorithms: metadata.id_token_signing_alg_values_supported,
    requiredClaims: ["exp", "iat", "nbf", "jti", "sub"],
  });
}
interface Metadata {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly token_endpoint: string;
  readonly id_token_signing_alg_values_supported: string[];
}

const GITHUB_CLAIMS = (
  "jti sub environment aud ref sha repository repository_owner repository_owner_id run_id run_number run_attempt " +
  "repository_visibility repository_id actor_id actor workflow head_ref base_ref event_name ref_protected ref_type " +
  "workflow_ref workflow_sha job_workflow_ref job_workflow_sha runner_environment enterprise enterprise_id check_run_id " +
  "iss nbf exp iat"
).split(" ");

describe("the development issuer", () => {
  it.each(["RS256", "ES256"] as const)("mints %s tokens that jose accepts by discovery", async (algorithm) => {
    const { payload, protectedHeader } = await verify(await issuer.mintToken("email", {}, algorithm), issuer.url);
    expect(protectedHeader.alg).toBe(algorithm);
    expect(payload["email_verified"]).toBe(true);
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
  });

  it("gives a GitHub token every claim of an Actions job, all but the times as text", async () => {
    const { payload } = await verify(await issuer.mintToken("github"), issuer.githubUrl);
    expect(Object.keys(payload).sort()).toEqual([...GITHUB_CLAIMS].sort());
    const { iat, nbf, exp, ...others } = payload;
    expect([iat, nbf, exp].map((time) => typeof time)).toEqual(["number", "number", "number"]);
    expect(new Set(Object.values(others).map((value) => typeof value))).toEqual(new Set(["string"]));
    // An e-mail claim would make clients sign the address where the subject is asked for.
    expect(payload).not.toHaveProperty("email");
  });

  it.each([
    [{ environment: "staging" }, "repo:octo-org/octo-repo:environment:staging"],
    [{ environment: "" }, "repo:octo-org/octo-repo:ref:refs/heads/main"],
    [{ environment: undefined, repository: "a/b", ref: "refs/tags/v1" }, "repo:a/b:ref:refs/tags/v1"],
  ])("derives the subject of a job from %j", async (claims, subject) => {
    const payload = decodeJwt(await issuer.mintToken("github", claims));
    expect(payload.sub).toBe(subject);
    expect("environment" in payload).toBe(claims.environment === "staging");
  });

  it("derives workflow references and owner from the repository and the ref", async () => {
    const claims = { repository: "a/b", ref: "refs/tags/v1", sha: "0".repeat(40) };
    expect(decodeJwt(await issuer.mintToken("github", claims))).toMatchObject({
      ...claims,
      repository_owner: "a",
      ref_type: "tag",
      workflow_ref: "a/b/.github/workflows/release.yml@refs/tags/v1",
      job_workflow_ref: "a/b/.github/workflows/release.yml@refs/tags/v1",
      workflow_sha: claims.sha,
      job_workflow_sha: claims.sha,
    });
  });

  it.each([
    ["an expired token", { exp: 1 }, '"exp" claim timestamp check failed'],
    ["another audience", { aud: "npm" }, 'unexpected "aud" claim value'],
    ["another issuer", { iss: "https://example.com" }, 'unexpected "iss" claim value'],
    ["no time of issue", { iat: undefined }, 'missing required "iat" claim'],
  ])("mints %s on request, for tests of refusals", async (_case, claims, message) => {
    await expect(verify(await issuer.mintToken("email", claims), issuer.url)).rejects.toThrow(message);
  });

  it("keeps its two kinds of tokens apart: neither issuer's token is the other's", async () => {
    await expect(verify(await issuer.mintToken("email"), issuer.githubUrl)).rejects.toThrow('"iss"');
    await expect(verify(await issuer.mintToken("github"), issuer.url)).rejects.toThrow('"iss"');
  });

  it.each([
    ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey],
    ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey],
  ] as const)("signs %s with the key it was given", async (algorithm, key) => {
    const own = await startDevelopmentIssuer({ key });
    try {
      const token = await own.mintToken("email", {}, algorithm);
      await expect(jwtVerify(token, createPublicKey(key))).resolves.toBeDefined();
      await expect(jwtVerify(await issuer.mintToken("email", {}, algorithm), createPublicKey(key))).rejects.toThrow();
    } finally {
      await own.close();
    }
  });

  it.each(["0.0.0.0", "::", "192.0.2.1", "localhost", "127.0.0.1.example.com"])(
    "refuses to listen on %s",
    async (host) => {
      await expect(startDevelopmentIssuer({ host })).rejects.toThrow(RangeError);
    },
  );

  it("refuses a key that it has no algorithm for", async () => {
    const key = generateKeyPairSync("ed25519").privateKey;
    await expect(startDevelopmentIssuer({ key })).rejects.toThrow(TypeError);
  });
});

describe("the development issuer over HTTP", () => {
  it("answers GET /token with the token and nothing else", async () => {
    const response = await fetch(`${issuer.url}/token?kind=email&email=ada@example.com&alg=ES256`);
    const { payload, protectedHeader } = await verify(await response.text(), issuer.url);
    expect(payload["email"]).toBe("ada@example.com");
    expect(protectedHeader.alg).toBe("ES256");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("answers POST at its token endpoint with the token as id_token and access_token", async () => {
    const body = new URLSearchParams({ kind: "github", repository: "a/b", environment: "" });
    const reply = (await (await fetch(`${issuer.url}/token`, { method: "POST", body })).json()) as Record<
      string,
      string
    >;
    const { payload } = await verify(reply["id_token"] ?? "", issuer.githubUrl);
    expect(payload.sub).toBe("repo:a/b:ref:refs/heads/main");
    expect(reply).toMatchObject({ access_token: reply["id_token"], token_type: "Bearer", expires_in: 300 });
  });

  it("publishes public keys only, under the kids its tokens name", async () => {
    const { keys } = (await (await fetch(`${issuer.url}/jwks`)).json()) as { keys: Record<string, string>[] };
    expect(keys.map(({ alg }) => alg)).toEqual(["RS256", "ES256"]);
    for (const key of keys) for (const secret of ["d", "p", "q", "k"]) expect(key).not.toHaveProperty(secret);
    expect(decodeProtectedHeader(await issuer.mintToken("email")).kid).toBe(keys[0]?.["kid"]);
  });

  it.each([
    ["an unknown kind", "GET", "/token?kind=pope", 400],
    ["an unknown algorithm", "GET", "/token?alg=none", 400],
    ["a claim that this kind does not have", "GET", "/token?kind=email&repository=a/b", 400],
    ["a claim that is no text", "GET", "/token?kind=email&email_verified=false", 400],
    ["an unknown path", "GET", "/authorize", 404],
    ["an unknown method", "DELETE", "/token", 404],
  ])("refuses %s", async (_case, method, path, status) => {
    const response = await fetch(issuer.url + path, { method });
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("eyJ");
  });

  it("refuses a body of more than 16 KiB", async () => {
    const response = await fetch(`${issuer.url}/token`, { method: "POST", body: `email=${"a".repeat(16 * 1024)}` });
    expect(response.status).toBe(413);
  });

  it("refuses a request that came under another name, as a rebound DNS name would", async () => {
    const sent = request(`${issuer.url}/token`, { headers: { host: "attacker.example" } }).end();
    const [response] = (await once(sent, "response")) as [{ statusCode: number; resume: () => void }];
    response.resume();
    expect(response.statusCode).toBe(421);
  });
});

describe("node dev/oidc-issuer.ts", () => {
  const run = (...options: string[]) =>
    spawnSync(process.execPath, ["dev/oidc-issuer.ts", ...options], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] },
    });

  it("explains itself", () => {
    const { status, stdout } = run("--help");
    expect(status).toBe(0);
    for (const option of ["--port", "--host", "--key", "/token?kind=github"]) expect(stdout).toContain(option);
  });

  it.each([
    [["--host", "0.0.0.0"], "0.0.0.0 is not a loopback address"],
    [["--port", "http"], "--port takes a number"],
    [["--port", "99999"], "65536"],
    [["--key", "test/dev/no-such-key.pem"], "ENOENT"],
    [["--verbose"], "--verbose"],
  ])("ends with one line and status 1 for %j", (options, message) => {
    const { status, stderr } = run(...options);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("serves with the key of a file until SIGTERM, then ends with status 0", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-issuer-"));
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    writeFileSync(join(folder, "key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
    const program = spawn(process.execPath, ["dev/oidc-issuer.ts", "--port", "0", "--key", join(folder, "key.pem")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: process.env["PATH"] },
    });
    try {
      const [line] = (await once(program.stdout, "data")) as [Buffer];
      const url = /on (http:\S+)/u.exec(line.toString())?.[1] ?? "";
      const token = await (await fetch(`${url}/token`)).text();
      const own = createPublicKey(createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })));
      await expect(jwtVerify(token, own, { issuer: url })).resolves.toBeDefined();
      program.kill("SIGTERM");
      expect(await once(program, "exit")).toEqual([0, null]);
    } finally {
      program.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
