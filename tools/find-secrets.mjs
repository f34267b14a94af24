// Looks for tokens, proofs, private keys and passphrases in what a test run has put out.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Where tests put what they know to be secret, one a line. */
const SECRETS_FILE = "secrets";
/** Registered secrets are found by their first characters: a leak that was cut is a leak. */
const HEAD_LENGTH = 20;
/** A compact JWS with its payload (RFC 7515 §7.1), and a private key in any PEM form (RFC 7468 §10, §11). */
const FORMS = [
  ["a token", /\beyJ[\w-]{6,}\.eyJ[\w-]{6,}\.[\w-]*/u],
  ["a private key", /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----/u],
];

/**
 * What kinds of secrets a text holds; never the secrets themselves.
 *
 * @param {string} text
 * @param {ReadonlySet<string>} heads of registered secrets, as {@link readHeads} gives them
 * @returns {string[]}
 */
export function findSecrets(text, heads) {
  const found = FORMS.filter(([, form]) => form.test(text)).map(([kind]) => kind);
  if (holdsAny(text, heads)) found.push("a secret that a test registered");
  return found;
}

function holdsAny(text, heads) {
  if (heads.size === 0) return false;
  for (let at = 0; at + HEAD_LENGTH <= text.length; at++) {
    if (heads.has(text.slice(at, at + HEAD_LENGTH))) return true;
  }
  return false;
}

/** The first characters of each secret registered in a folder; what is too short to tell from other text is an error. */
export function readHeads(folder) {
  const path = join(folder, SECRETS_FILE);
  const secrets = existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  if (secrets.some(({ length }) => length < HEAD_LENGTH)) throw new RangeError("a registered secret is too short");
  return new Set(secrets.map((secret) => secret.slice(0, HEAD_LENGTH)));
}

/** A line for each secret in the files of a folder: the file and the kind. */
export function findSecretsIn(folder) {
  const heads = readHeads(folder);
  return readdirSync(folder)
    .filter((name) => name !== SECRETS_FILE && statSync(join(folder, name)).isFile())
    .flatMap((name) =>
      findSecrets(readFileSync(join(folder, name), "latin1"), heads).map((kind) => `${name}: ${kind}`),
    );
}
