import {
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  randomInt,
  randomUUID,
  sign,
  type KeyObject,
} from "node:crypto";
import { tokenClaims } from "../dev/token-claims.ts";

const TOKEN_LIFETIME_SECONDS = 300;

/** The issuer whose tokens the requests carry. */
export interface RequestIssuer {
  /** `iss` value. */
  readonly url: string;
  /** RSA private key. */
  readonly key: KeyObject;
  /** Key id under which the issuer publishes it. */
  readonly kid: string;
}

/** Where requests go, and what they need to be accepted there; can be sent to another process. */
export interface RequestTarget {
  readonly host: string;
  readonly port: number;
  /** The issuer's URL, and its RSA private key (PKCS #8) with its id. */
  readonly issuer: { readonly url: string; readonly kid: string; readonly keyPem: string };
}

/** A token and the subject that its holder proves possession over. */
export interface RequestToken {
  readonly token: string;
  readonly subject: string;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * An RS256 token of a GitHub Actions job with all of GitHub's claims. Each differs from every other in repository,
 * commit, run, actor and id, so that nothing a server remembers of one token helps with the next.
 */
export function mintRequestToken(issuer: RequestIssuer, number: number): RequestToken {
  const now = Math.floor(Date.now() / 1000);
  const job = tokenClaims("github", {
    repository: `octo-org-${randomBytes(4).toString("hex")}/octo-repo-${String(number)}`,
    sha: randomBytes(20).toString("hex"),
    run_id: String(randomInt(10_000_000_000, 99_999_999_999)),
    run_number: String(number),
    actor: `octocat-${String(number)}`,
    actor_id: String(randomInt(1_000_000, 9_999_999)),
    repository_id: String(randomInt(100_000_000, 999_999_999)),
  });
  const claims = {
    jti: randomUUID(),
    iss: issuer.url,
    aud: "sigstore",
    iat: now,
    nbf: now,
    exp: now + TOKEN_LIFETIME_SECONDS,
    ...job,
  };
  const input = `${encode({ typ: "JWT", alg: "RS256", kid: issuer.kid })}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(input), issuer.key).toString("base64url");
  return { token: `${input}.${signature}`, subject: String(job["sub"]) };
}

/** What one certificate is asked for with. */
export interface Signing {
  readonly token: string;
  readonly publicKeyPem: string;
  /** Signature by the key over the token's subject. */
  readonly proof: Uint8Array;
}

/** As many, each with a token, a key and a proof of its own. */
export function prepareSignings({ url, kid, keyPem }: RequestTarget["issuer"], count: number): readonly Signing[] {
  const issuer = { url, kid, key: createPrivateKey(keyPem) };
  return Array.from({ length: count }, (_, number) => {
    const { token, subject } = mintRequestToken(issuer, number);
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return {
      token,
      publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
      proof: sign("sha256", Buffer.from(subject), privateKey),
    };
  });
}

/** Versions of the API over HTTP. */
export type HttpVersion = "v1" | "v2";

/**
 * Requests for certificates as they travel, head and body: of version 2 as sigstore-js sends them, the token in the body,
 * of version 1 as cosign 2 does, the token in the header. Keys are PEM, proofs over the token's subject.
 */
export function prepareRequests(
  target: RequestTarget,
  count: number,
  version: HttpVersion = "v2",
): readonly Uint8Array[] {
  const make = version === "v1" ? v1Request : v2Request;
  return prepareSignings(target.issuer, count).map((signing) => {
    const { body, fields } = make(signing);
    const head = [
      `POST /api/${version}/signingCert HTTP/1.1`,
      `Host: ${target.host}:${String(target.port)}`,
      "User-Agent: mayfly-benchmark",
      "Content-Type: application/json",
      ...fields,
      `Content-Length: ${String(Buffer.byteLength(body))}`,
      "\r\n",
    ].join("\r\n");
    return Buffer.from(head + body);
  });
}

interface HttpRequest {
  readonly body: string;
  /** Beside those that every request has. */
  readonly fields: readonly string[];
}

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");

function v2Request({ token, publicKeyPem, proof }: Signing): HttpRequest {
  const body = JSON.stringify({
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: "ECDSA", content: publicKeyPem },
      proofOfPossession: base64(proof),
    },
  });
  return { body, fields: [] };
}

function v1Request({ token, publicKeyPem, proof }: Signing): HttpRequest {
  const body = JSON.stringify({
    publicKey: { content: base64(publicKeyPem) },
    signedEmailAddress: base64(proof),
    certificateSigningRequest: null,
  });
  return { body, fields: [`Authorization: Bearer ${token}`] };
}
