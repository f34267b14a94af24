import { pemOf } from "../../caller-keys.ts";
import { REQUIRED_JOB_CLAIMS } from "../../job-claims.ts";
import { keys } from "../../refused-proofs.ts";
import { CALLER, proofBy } from "../../signing-body.ts";
import { signing } from "../request.ts";
import type { DifferentialRequest, Rows } from "../request.ts";

const p256 = keys["ecdsa-p256"];
const publicKey = pemOf(p256.publicKey);

type Claims = Readonly<Record<string, unknown>>;

/** A person's token with these claims, and a proof of what it names. */
function person(name: string, claims: Claims, rows: Rows = []): DifferentialRequest {
  const { email = CALLER } = claims;
  const proof = proofBy(p256, typeof email === "string" ? email : CALLER);
  return signing(name, ({ token }) => ({ token: token("email", claims), publicKey, proof }), { rows });
}

/** A job's token with these claims, and a proof of its subject. */
function job(name: string, claims: Claims, rows: Rows = []): DifferentialRequest {
  return signing(
    name,
    ({ token, claims: all }) => {
      const { sub } = all("github", claims);
      const proof = proofBy(p256, typeof sub === "string" ? sub : "");
      return { token: token("github", claims), publicKey, proof };
    },
    { rows },
  );
}

const TAKEN_BY_BOTH = [
  "dev+tag@example.com",
  "Dev.Eloper@Example.COM",
  "a@b.co",
  "o'brien@example.com",
  "{x}~|`^_=?/*&%$#!@example.com",
  "dev@sub.sub.example.museum",
  "dev@xn--bcher-kva.example",
  "1@1.example",
];

const REFUSED_BY_BOTH = [
  "dev",
  "dev@",
  "@example.com",
  "dev@localhost",
  "dev@example..com",
  "dev@-example.com",
  "a b@example.com",
  "a,b@example.com",
  " dev@example.com",
  "dev@@example.com",
  "dev@[127.0.0.1]",
  "dev@127.0.0.1",
  "dev@example.c-",
  ".dev@example.com",
  "dev.@example.com",
  "d..v@example.com",
  "<dev@example.com>",
  "Dev <dev@example.com>",
  "dev@example.com\n",
];

/** What people's tokens say of them. */
export const PEOPLE: readonly DifferentialRequest[] = [
  ...[...TAKEN_BY_BOTH, ...REFUSED_BY_BOTH].map((email) => person(`the email ${JSON.stringify(email)}`, { email })),
  ...['"a b"@example.com', '"dev"@example.com'].map((email) => person(`the email ${JSON.stringify(email)}`, { email })),
  ...["jürgen@example.com", "dev@bücher.example", "dev@example.com."].map((email) =>
    person(`the email ${JSON.stringify(email)}`, { email }, ["email address"]),
  ),
  person("an email of 300 characters", { email: `${"d".repeat(288)}@example.com` }, ["email address"]),
  person("no email", { email: undefined }),
  person("an empty email", { email: "" }),
  person("email as a number", { email: 1 }),
  person("email null", { email: null }),
  person("email as a list", { email: [CALLER] }),
  person("email_verified false", { email_verified: false }),
  person("email_verified missing", { email_verified: undefined }),
  ...["true", "True"].map((value) =>
    person(`email_verified as the text ${JSON.stringify(value)}`, { email_verified: value }, ["`email_verified`"]),
  ),
  ...["TRUE", "tRue", "false", "False", "1", "yes", ""].map((value) =>
    person(`email_verified as the text ${JSON.stringify(value)}`, { email_verified: value }),
  ),
  person("email_verified 1", { email_verified: 1 }),
  person("email_verified null", { email_verified: null }),
  person("email_verified as a list", { email_verified: [true] }),
  signing("a proof of the subject in place of the address", ({ token, claims }) => ({
    token: token(),
    publicKey,
    proof: proofBy(p256, String(claims("email")["sub"])),
  })),
];

/** What GitHub's tokens say of a job. */
export const JOBS: readonly DifferentialRequest[] = [
  job("a job on a branch", {}),
  job("a job on a tag", { ref: "refs/tags/v1.2.3" }),
  job("a job without environment", { environment: undefined }),
  job("a job with an empty environment", { environment: "" }),
  job("a job of a pull request", { ref: "refs/pull/17/merge", event_name: "pull_request" }),
  job("an environment beyond ASCII", { environment: "prodüktion ünd mehr" }),
  job("a workflow beyond ASCII", { workflow: "veröffentlichen 🚀" }),
  job("a workflow with markup", { workflow: "<b>&amp;</b> \"x\" 'y'" }),
  job("a private repository", { repository_visibility: "private", runner_environment: "self-hosted" }),
  job("a ref with a space beyond ASCII", { ref: "refs/heads/grün" }),
  job("a ref with a plus and an equals sign", { ref: "refs/heads/a+b=c" }),
  job("a proof of a subject that the caller chose", { sub: "repo:other/other:ref:refs/heads/main" }),
  ...REQUIRED_JOB_CLAIMS.map((name) => job(`no ${name}`, { [name]: undefined }, ["claims unfit for a certificate"])),
  ...["sha", "workflow", "run_id"].map((name) => job(`an empty ${name}`, { [name]: "" }, ["CI: type of claims"])),
  job("run_id as a number", { run_id: 10264829105 }),
  job("sha as a boolean", { sha: true }),
  job("workflow as a list", { workflow: ["a"] }, ["CI: type of claims"]),
  job("a workflow of 1,024 bytes", { workflow: "w".repeat(1024) }),
  job("a workflow of 1,025 bytes", { workflow: "w".repeat(1025) }, ["length"]),
  job("a claim called url", { url: "https://evil.example" }, ["CI: defaults"]),
  job("a ref with a fragment", { ref: "refs/heads/a#b" }, ["CI: path of names"]),
  job("a ref with a query", { ref: "refs/heads/a?b" }, ["CI: path of names"]),
  job("a ref with a percent sign", { ref: "refs/heads/100%" }, ["CI: escapes"]),
  signing("a proof of the e-mail address in place of the subject", ({ token }) => ({
    token: token("github"),
    publicKey,
    proof: proofBy(p256),
  })),
];
