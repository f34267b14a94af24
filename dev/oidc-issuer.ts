import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIPv4, type AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { calculateJwkThumbprint, exportJWK, SignJWT, type JWK } from "jose";
import { tokenClaims, type TokenClaims, type TokenKind } from "./token-claims.ts";

const LIFETIME_SECONDS = 300;
const MAX_BODY_BYTES = 16 * 1024;

/** Signature algorithms of the development issuer's tokens (RFC 7518 §3.1). */
export type TokenAlgorithm = "RS256" | "ES256";

/** Where the issuer listens and what it signs with. */
export interface DevelopmentIssuerOptions {
  /** A loopback address; 127.0.0.1 when left out. */
  readonly host?: string;
  /** 0, or left out, for any free port. */
  readonly port?: number;
  /** RSA (RS256) or P-256 (ES256) private key; the one of the other algorithm, or both, are made for this run. */
  readonly key?: KeyObject;
}

/** A running development issuer. */
export interface DevelopmentIssuer {
  /** Issuer of e-mail tokens, the `iss` value, without a final slash. */
  readonly url: string;
  /** Issuer of GitHub Actions tokens: an issuer has tokens of one kind only. */
  readonly githubUrl: string;
  /**
   * A signed token, audience `sigstore`, valid for five minutes from now.
   *
   * @param claims replaces default claims; `undefined` leaves one out; `iss aud iat nbf exp jti` may be replaced too
   */
  readonly mintToken: (kind: TokenKind, claims?: TokenClaims, algorithm?: TokenAlgorithm) => Promise<string>;
  readonly close: () => Promise<void>;
}

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: JWK;
}

type SigningKeys = Readonly<Record<TokenAlgorithm, SigningKey>>;

/** A request that the issuer answers with a status of its own and the reason in plain text. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Starts an issuer that mints tokens for whoever asks: for development and tests, on loopback only.
 *
 * @throws RangeError when `host` is not a loopback address; TypeError when `key` is neither RSA nor P-256
 */
export async function startDevelopmentIssuer(options: DevelopmentIssuerOptions = {}): Promise<DevelopmentIssuer> {
  const host = options.host ?? "127.0.0.1";
  if (!(host === "::1" || (isIPv4(host) && host.startsWith("127.")))) {
    throw new RangeError(`${host} is not a loopback address; this issuer gives anyone any identity`);
  }
  const keys = await makeKeys(options.key);
  const server = createServer();
  server.listen(options.port ?? 0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://${host === "::1" ? "[::1]" : host}:${String(port)}`;
  const issuer: DevelopmentIssuer = {
    url,
    githubUrl: `${url}/github`,
    mintToken: (kind, claims = {}, algorithm = "RS256") => {
      const issuerUrl = kind === "github" ? issuer.githubUrl : url;
      return signToken({ iss: issuerUrl, ...tokenClaims(kind, claims) }, algorithm, keys);
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    answer(request, issuer, keys).then(
      ({ type, body }) => response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body),
      (error: unknown) => {
        const status = error instanceof Refusal ? error.status : 500;
        const text = error instanceof Error ? error.message : String(error);
        response.writeHead(status, { "content-type": "text/plain", connection: "close" }).end(`${text}\n`);
      },
    );
  });
  return issuer;
}

async function makeKeys(given: KeyObject | undefined): Promise<SigningKeys> {
  const isRsa = given?.asymmetricKeyType === "rsa";
  const isP256 = given?.asymmetricKeyDetails?.namedCurve === "prime256v1";
  if (given !== undefined && !isRsa && !isP256) throw new TypeError("the key is neither RSA nor P-256");
  const rsa = isRsa ? given : generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const p256 = isP256 ? given : generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const signingKey = async (privateKey: KeyObject, alg: TokenAlgorithm): Promise<SigningKey> => {
    const publicJwk = await exportJWK(createPublicKey(privateKey));
    const kid = await calculateJwkThumbprint(publicJwk);
    return { kid, privateKey, jwk: { ...publicJwk, kid, alg, use: "sig" } };
  };
  return { RS256: await signingKey(rsa, "RS256"), ES256: await signingKey(p256, "ES256") };
}

async function signToken(claims: TokenClaims, algorithm: TokenAlgorithm, keys: SigningKeys): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const jti = crypto.randomUUID();
  const payload = { jti, aud: "sigstore", iat: now, nbf: now, exp: now + LIFETIME_SECONDS, ...claims };
  const { kid, privateKey } = keys[algorithm];
  return new SignJWT(payload).setProtectedHeader({ typ: "JWT", alg: algorithm, kid }).sign(privateKey);
}

interface Answer {
  readonly type: string;
  readonly body: string;
}

const json = (value: unknown): Answer => ({ type: "application/json", body: JSON.stringify(value) });

async function answer(request: IncomingMessage, issuer: DevelopmentIssuer, keys: SigningKeys): Promise<Answer> {
  // A web page in the developer's browser must not reach us under a name of its own (DNS rebinding).
  if (request.headers.host !== new URL(issuer.url).host) throw new Refusal(421, `this is ${issuer.url}`);
  const { pathname, searchParams } = new URL(request.url ?? "/", issuer.url);
  switch (`${request.method ?? ""} ${pathname}`) {
    case "GET /.well-known/openid-configuration":
      return json(discoveryDocument(issuer.url, issuer, "email"));
    case "GET /github/.well-known/openid-configuration":
      return json(discoveryDocument(issuer.githubUrl, issuer, "github"));
    case "GET /jwks":
      return json({ keys: [keys.RS256.jwk, keys.ES256.jwk] });
    case "GET /token":
      // Without a final newline: some clients read a token file to its last byte.
      return { type: "text/plain", body: await mintFor(searchParams, issuer) };
    case "POST /token": {
      const token = await mintFor(new URLSearchParams(await readBody(request)), issuer);
      // Some clients take the identity token from `access_token`, as Dex fills it.
      return json({ id_token: token, access_token: token, token_type: "Bearer", expires_in: LIFETIME_SECONDS });
    }
    default:
      throw new Refusal(404, "try /.well-known/openid-configuration, /jwks or /token?kind=email&email=you@example.com");
  }
}

/** OpenID Provider metadata (OIDC Discovery §3). There is no interactive flow, hence no authorization endpoint. */
function discoveryDocument(issuerUrl: string, { url }: DevelopmentIssuer, kind: TokenKind): Record<string, unknown> {
  return {
    issuer: issuerUrl,
    jwks_uri: `${url}/jwks`,
    token_endpoint: `${url}/token`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256", "ES256"],
    scopes_supported: ["openid"],
    claims_supported: ["iss", "aud", "iat", "nbf", "exp", "jti", ...Object.keys(tokenClaims(kind))],
  };
}

/** The token that request parameters describe: `kind`, `alg`, and any text claim by its name. */
async function mintFor(parameters: URLSearchParams, issuer: DevelopmentIssuer): Promise<string> {
  const { kind = "email", alg = "RS256", ...claims } = Object.fromEntries(parameters);
  if (kind !== "email" && kind !== "github") throw new Refusal(400, "kind is email or github");
  if (alg !== "RS256" && alg !== "ES256") throw new Refusal(400, "alg is RS256 or ES256");
  const textClaims = Object.entries(tokenClaims(kind)).filter(([, value]) => typeof value === "string");
  const known = ["aud", ...textClaims.map(([name]) => name)];
  const unknown = Object.keys(claims).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Refusal(400, `no parameter ${unknown}; known: kind, alg, ${known.join(", ")}`);
  return issuer.mintToken(kind, claims, alg);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Refusal(413, `a body has at most ${String(MAX_BODY_BYTES)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const HELP = `Usage: node dev/oidc-issuer.ts [--port PORT] [--host ADDRESS] [--key FILE]

A development OIDC issuer: it mints ID tokens for whoever asks. Never point a real service at it.

  --port PORT     port to listen on (default 8888; 0 for any free one)
  --host ADDRESS  loopback address to listen on (default 127.0.0.1)
  --key FILE      RSA or P-256 private key (PEM); without it keys are made for this run
  --help          show this text

Two issuers share it: http://ADDRESS:PORT for e-mail tokens and http://ADDRESS:PORT/github for GitHub Actions tokens.

  curl 'http://127.0.0.1:8888/token?kind=email&email=you@example.com'
  curl 'http://127.0.0.1:8888/token?kind=github&repository=octo-org/octo-repo&ref=refs/tags/v1&environment='
  curl -d kind=email -d alg=ES256 http://127.0.0.1:8888/token      (JSON with id_token)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8888" },
      host: { type: "string" },
      key: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (!/^\d{1,5}$/u.test(values.port)) throw new RangeError("--port takes a number");
  const issuer = await startDevelopmentIssuer({
    port: Number(values.port),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.key === undefined ? {} : { key: createPrivateKey(readFileSync(values.key)) }),
  });
  process.stdout.write(`Development OIDC issuer on ${issuer.url} (GitHub Actions tokens: ${issuer.githubUrl})\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void issuer.close());
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
