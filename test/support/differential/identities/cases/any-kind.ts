import type { MakeCase, TokenCase } from "../token-case.ts";
import { tokensLike, written } from "../token-case.ts";
import { ACCOUNT } from "./kubernetes.ts";
import { JOB } from "./templates.ts";

/** One issuer of each way to name: by e-mail address, by subject, by claims, by templates. */
const KINDS: readonly (readonly [name: string, make: MakeCase])[] = [
  ["a username", tokensLike({ issuer: "https://users.example.com", claims: { sub: "alice" } })],
  ["a service account", tokensLike(ACCOUNT)],
  ["a job", tokensLike(JOB)],
];

const ofAny = (name: string, make: MakeCase): readonly TokenCase[] => [
  make(`${name}: a list of audiences`, { aud: ["sigstore", "other"] }),
  make(`${name}: a list of one audience`, { aud: ["sigstore"] }),
  make(
    `${name}: a list of 21 audiences`,
    { aud: [...Array.from({ length: 20 }, (_, at) => String(at)), "sigstore"] },
    { rows: ["`aud`"] },
  ),
  ...["other", "Sigstore", "sigstore ", "", ["other"], [], [["sigstore"]], 7, null, undefined].map((aud) =>
    make(`${name}: the audience ${aud === undefined ? "that is missing" : JSON.stringify(aud)}`, { aud }),
  ),
  make(`${name}: expired a second ago`, (now) => ({ exp: now - 1 })),
  make(`${name}: expires in a minute`, (now) => ({ exp: now + 60 })),
  make(`${name}: expires at a fraction of a second`, (now) => ({ exp: written(`${String(now + 60)}.5`) })),
  make(`${name}: does not expire`, { exp: undefined }),
  make(`${name}: expires at null`, { exp: null }),
  make(`${name}: expires at zero`, { exp: 0 }),
  make(`${name}: expires at a time in a text`, (now) => ({ exp: String(now + 60) }), { rows: ["`exp`"] }),
  make(`${name}: valid in 30 s`, (now) => ({ nbf: now + 30 })),
  make(`${name}: valid in 4 min`, (now) => ({ nbf: now + 240 }), { rows: ["`nbf`"] }),
  make(`${name}: valid in 6 min`, (now) => ({ nbf: now + 360, exp: now + 600 })),
  make(`${name}: valid from anywhen`, { nbf: undefined }),
  make(`${name}: issued anywhen`, { iat: undefined }, { rows: ["`iat`"] }),
  make(`${name}: issued in the future`, (now) => ({ iat: now + 120 }), { rows: ["`iat`"] }),
  make(`${name}: valid for two days`, (now) => ({ exp: now + 172_800 }), { rows: ["lifetime"] }),
  make(`${name}: of nobody`, { iss: undefined }),
  make(`${name}: of another issuer`, { iss: "https://evil.example" }),
  make(`${name}: of an issuer that is a list`, { iss: ["https://users.example.com"] }),
];

/** Claims that any token has, in tokens of several kinds. */
export const ANY_KIND: readonly TokenCase[] = KINDS.flatMap(([name, make]) => ofAny(name, make));
