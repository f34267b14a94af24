import type { GoodToken, TokenCase } from "../token-case.ts";
import { tokensLike, written } from "../token-case.ts";

const UNFIT = ["claims unfit for a certificate"];
const TYPE = ["CI: type of claims"];

/** A token of a job. */
export const JOB: GoodToken = {
  issuer: "https://ci.example.com",
  claims: {
    sub: "project:a:job:b",
    trigger: "push",
    "odd.name/of a claim": "odd",
    project: "group/project",
    job: "build",
    branch: "main",
    digest: "9f3182061f1e2cca4702c368cbc039b7dc9d4485",
    number: 17,
  },
};

const job = tokensLike(JOB);

/** Jobs of a provider whose templates have every word of their language. */
export const TEMPLATES: readonly TokenCase[] = [
  job("a job"),
  job("a job of an issuer of a pattern", {}, { issuer: "https://ci.example.com/org/a" }),
  ...["a", "b", "c", ""].map((branch) =>
    job(`the branch ${JSON.stringify(branch)}`, { branch }, branch === "" ? { rows: TYPE } : {}),
  ),
  ...["true", "prod", "", "0", " "].map((stage) => job(`the stage ${JSON.stringify(stage)}`, { stage })),
  job("a stage that is no text", { stage: true }),
  job("a stage that is false", { stage: false }),
  job("a stage of zero", { stage: 0 }),
  job("a stage that is null", { stage: null }, { rows: TYPE }),
  ...["green", "red", ""].map((color) => job(`the color ${JSON.stringify(color)}`, { color })),
  job("a claim in place of a default with an odd name", { "odd.name/of a default": "other" }),
  job("no claim with an odd name", { "odd.name/of a claim": undefined }),
  job("a list with an odd name", { "odd.name/of a claim": ["a"] }, { rows: TYPE }),
  ...["trigger", "project", "job", "branch", "digest", "number"].map((name) =>
    job(`no ${name}`, { [name]: undefined }, { rows: UNFIT }),
  ),
  job("an empty trigger, which plain names leave out and quotation marks do not", { trigger: "" }, { rows: TYPE }),
  ...["1.5", "-3", "0", "1e2", "1.10"].map((number) => job(`the number ${number}`, { number: written(number) })),
  job("a project beyond ASCII", { project: "größe/名 前" }),
  job("templates in claims", { trigger: "{{ .job }}", digest: "{{ if }}" }),
  job("texts that HTML would escape", { job: "a&b<c>'d'" }),
  job("claims that are called issuer and subject", { issuer: "https://evil.example", subject: "evil", nobody: "x" }),
];
