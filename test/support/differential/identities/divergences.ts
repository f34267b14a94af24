import { answered, change, message, refused, TOKEN } from "../divergences.ts";
import type { Change, Expected } from "../divergences.ts";

const extension = (number: number, fulcio: Expected, mayfly: Expected): Change =>
  change(new RegExp(String.raw`^extension 1\.3\.6\.1\.4\.1\.57264\.1\.${String(number)}$`, "u"), fulcio, mayfly);

const ON_GITLAB_COM = /https:\/\/gitlab\.com\//u;
const ON_THE_ISSUER = /https:\/\/(?:gitlab\.archlinux\.org|dev\.gitlab\.org|ops\.gitlab\.net|gitlab\.example\.com)\//u;

/** What Fulcio says of a token that authenticates somebody for whom no certificate can be made. */
const UNFIT = [
  /^template: /u,
  /^value <\S+> not present in either claims or defaults/u,
  /^parse "/u,
  /^json: cannot unmarshal number /u,
  /^extensions must have a non-empty issuer url$/u,
];

/**
 * Rows of `docs/divergences.md` by their first cells, and all that they change in the answer to a token or in its
 * certificate. Tokens name the rows that they differ by.
 */
export const IDENTITY_DIVERGENCES: Readonly<Record<string, readonly Change[]>> = {
  "claims unfit for a certificate": UNFIT.map((text) => message(text, TOKEN)),
  "claim and header names": refused(TOKEN),
  "`sub`": refused(TOKEN),
  "`aud`": refused(TOKEN),
  "`exp`": refused(TOKEN),
  "`nbf`": refused(TOKEN),
  "`iat`": refused(TOKEN),
  lifetime: refused(TOKEN),

  "`issuer-claim`": refused(TOKEN),
  "uri: subject": refused(TOKEN),
  "username: subject": refused(TOKEN),
  "Kubernetes: names": refused(TOKEN),
  "Chainguard: address": refused(TOKEN),
  "Chainguard: subject": refused(TOKEN),

  "CI: type of claims": refused(TOKEN),
  "CI: numbers": [
    change(/^extension /u, /\de[+-]\d/u, /\d/u),
    change(/^extension /u, /0\.12345678901234568(?!\d)/u, /0\.1234567890123456789(?!\d)/u),
  ],
  "CI: path of names": refused(TOKEN),
  "CI: escapes": [...refused(TOKEN), message(/^parse "/u, TOKEN)],
  "CI: missing claims": refused(TOKEN),
  "CI: defaults": [
    ...refused(TOKEN),
    change(/^extension /u, /^(?!.*https:)/su, /https:\/\/(?:github\.com|g\.codefresh\.io)\//u),
  ],
  "CI: host from a claim": refused(TOKEN),
  "CI: deprecated types": [
    ...refused(TOKEN),
    ...answered(TOKEN),
    change(/^extension /u, /%[0-9A-F]{2}/u, /[ \x80-\xff]/u),
  ],
  "GitLab: URLs of projects": [12, 16, 21].map((number) => extension(number, ON_GITLAB_COM, ON_THE_ISSUER)),
  length: refused(TOKEN),
};

/** Rows that may change any certificate; tokens do not name them. */
export const OF_EVERY_CERTIFICATE: readonly string[] = ["validity", "SCT extensions"];
