import { createPublicKey, randomBytes, sign, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import { registerSecret, registerToken } from "../support/keep-output.ts";
import { asDer, signDigest } from "../support/keys/sign-digest.ts";

/** What the server does instead of what it is asked for. */
export type VaultFault =
  | "no-renewal"
  | "hang"
  | "hang-in-body"
  | "reset"
  | "status-429"
  | "status-500"
  | "sealed"
  | "standby"
  | "bad-gateway-page"
  | "not-json"
  | "truncated-json"
  | "too-long"
  | "no-signature"
  | "wrong-version"
  | "not-base64"
  | "truncated-signature"
  | "other-key"
  | "other-message"
  | "key-deleted"
  | "version-retired"
  | "token-revoked"
  | "denied";

const ROLE = { roleId: "role-1", secretId: "secret-id-of-a-test-role" };
const SERVICE_ACCOUNT = "eyJhbGciOiJSUzI1NiJ9.service-account-of-a-test.c2ln";
const HASHES: Readonly<Record<string, number>> = { "sha2-256": 32, "sha2-384": 48, "sha2-512": 64 };
const TYPES: Readonly<Record<SignatureAlgorithm, string>> = {
  "ecdsa-p256-sha256": "ecdsa-p256",
  "ecdsa-p384-sha384": "ecdsa-p384",
  "ecdsa-p521-sha512": "ecdsa-p521",
  "rsa-pkcs1-sha256": "rsa-3072",
  ed25519: "ed25519",
};

registerSecret(ROLE.secretId);
registerToken(SERVICE_ACCOUNT);

/** A transit engine of our own, with real keys: what OpenBao 2.7 answers, and what it should not. */
export interface FakeVault {
  readonly address: string;
  readonly role: typeof ROLE;
  readonly serviceAccountToken: string;
  /** A token that has no end. */
  readonly staticToken: string;
  /** Everything that must never be in a message. */
  readonly secrets: () => readonly string[];
  readonly counts: { logins: number; renewals: number; signatures: number };
  /** From now on, with one key or with all; undefined ends it. */
  misbehave(fault: VaultFault | undefined, keyName?: string): void;
  /** Life of tokens that are given out, seconds; 0 for ever. */
  leaseSeconds: number;
  /** Makes a newer version the key's newest. */
  rotate(algorithm: SignatureAlgorithm): void;
  /** No token is taken any more. */
  revokeTokens(): void;
  /** Name of the key of an algorithm for some use, which is made if need be; its first version is 1. */
  keyName(algorithm: SignatureAlgorithm, use?: string): string;
  close(): Promise<void>;
}

/** Starts it on a free port of loopback, with TLS where it is given a pair. */
export async function startFakeVault(tls?: { readonly certificate: string; readonly key: string }): Promise<FakeVault> {
  const server = new Server();
  const answer = (request: IncomingMessage, response: ServerResponse): void => void server.answer(request, response);
  const http =
    tls === undefined ? createServer(answer) : createHttpsServer({ cert: tls.certificate, key: tls.key }, answer);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return Object.assign(server, {
    address: `${tls === undefined ? "http" : "https"}://127.0.0.1:${String(port)}`,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  });
}

interface Refusal {
  readonly status: number;
  readonly errors: readonly string[];
}

const refusal = (status: number, ...errors: string[]): Refusal => ({ status, errors });

class Server {
  readonly role = ROLE;
  readonly serviceAccountToken = SERVICE_ACCOUNT;
  readonly staticToken = makeToken();
  readonly counts = { logins: 0, renewals: 0, signatures: 0 };
  leaseSeconds = 3_600;
  #wanted: { readonly fault: VaultFault | undefined; readonly keyName?: string | undefined } = { fault: undefined };
  /** What the request at hand is answered with. */
  #fault: VaultFault | undefined;
  readonly #keys = new Map<string, { readonly algorithm: SignatureAlgorithm; readonly versions: KeyObject[] }>();
  #tokens = new Set([this.staticToken]);
  readonly #everyToken = new Set([this.staticToken]);

  secrets = (): readonly string[] => [ROLE.secretId, SERVICE_ACCOUNT, ...this.#everyToken];

  misbehave(fault: VaultFault | undefined, keyName?: string): void {
    this.#wanted = { fault, keyName };
  }

  rotate(algorithm: SignatureAlgorithm): void {
    this.#key(algorithm).versions.push(generatePrivateKey(algorithm));
  }

  revokeTokens(): void {
    this.#tokens = new Set();
  }

  keyName(algorithm: SignatureAlgorithm, use = "mayfly"): string {
    this.#key(algorithm, use);
    return `${use}-${TYPES[algorithm]}`;
  }

  #key(algorithm: SignatureAlgorithm, use = "mayfly") {
    const name = `${use}-${TYPES[algorithm]}`;
    const key = this.#keys.get(name) ?? { algorithm, versions: [generatePrivateKey(algorithm)] };
    this.#keys.set(name, key);
    return key;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    const path = (request.url ?? "").replace(/^\/v1\//u, "");
    const { fault, keyName } = this.#wanted;
    this.#fault = keyName === undefined || path.split("/").includes(keyName) ? fault : undefined;
    if (this.#misbehaves(path, request, response)) return;
    const result = this.#route(`${request.method ?? ""} ${path}`, body, request.headers["x-vault-token"]);
    if ("status" in result) respond(response, result.status, { errors: result.errors });
    else this.#respondWell(response, result);
  }

  /** Faults of the line and of the server as a whole; logins are spared, as their faults are others. */
  #misbehaves(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (path.startsWith("auth/")) return false;
    switch (this.#fault) {
      case "hang":
        return true;
      case "hang-in-body":
        response.writeHead(200, { "content-type": "application/json" }).write('{"data":');
        return true;
      case "reset":
        request.socket.destroy();
        return true;
      case "status-429":
        response.setHeader("retry-after", "7");
        respond(response, 429, { errors: ["request path: rate limit quota exceeded"] });
        return true;
      case "status-500":
        respond(response, 500, { errors: ["1 error occurred: internal error"] });
        return true;
      case "sealed":
        respond(response, 503, { errors: ["Vault is sealed"] });
        return true;
      case "standby":
        response.writeHead(307, { location: "http://127.0.0.1:9/v1/" }).end();
        return true;
      case "bad-gateway-page":
        response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad Gateway</h1>");
        return true;
      case "not-json":
        response.writeHead(200).end("<html>welcome</html>");
        return true;
      case "too-long":
        response.writeHead(200).end(`{"data":"${"x".repeat(1_100_000)}"}`);
        return true;
      case "denied":
        respond(response, 403, { errors: ["1 error occurred:\n\t* permission denied\n\n"] });
        return true;
      case "token-revoked":
        // Once, as a token that ended a moment ago: what comes with the next one is taken.
        this.#wanted = { fault: undefined };
        this.revokeTokens();
        return false;
      default:
        return false;
    }
  }

  #respondWell(response: ServerResponse, result: object): void {
    if (this.#fault !== "truncated-json") {
      respond(response, 200, result);
      return;
    }
    const text = JSON.stringify(result);
    response.writeHead(200, { "content-length": text.length }).write(text.slice(0, -20));
    response.socket?.end();
  }

  #route(call: string, body: Record<string, unknown>, token: string | string[] | undefined): object | Refusal {
    if (call === "POST auth/approle/login") {
      const isRole = body["role_id"] === ROLE.roleId && body["secret_id"] === ROLE.secretId;
      return isRole ? this.#logIn() : refusal(400, "invalid role or secret ID");
    }
    if (call === "POST auth/kubernetes/login") {
      return body["jwt"] === SERVICE_ACCOUNT && body["role"] === "mayfly"
        ? this.#logIn()
        : refusal(403, "permission denied");
    }
    if (typeof token !== "string" || !this.#tokens.has(token))
      return refusal(403, "permission denied", "invalid token");
    if (call === "GET auth/token/lookup-self") return { data: { ttl: 0, renewable: false } };
    if (call === "POST auth/token/renew-self") {
      this.counts.renewals++;
      if (this.#fault === "no-renewal") return refusal(500, "internal error");
      return { auth: { client_token: token, lease_duration: this.leaseSeconds, renewable: true } };
    }
    const { verb, key, hash } =
      /^(?<verb>GET transit\/keys|POST transit\/sign)\/(?<key>[\w-]+)(?:\/(?<hash>[\w-]+))?$/u.exec(call)?.groups ?? {};
    const known = this.#fault === "key-deleted" ? undefined : this.#keys.get(key ?? "");
    if (verb === undefined) return refusal(404);
    if (verb.startsWith("GET"))
      return known === undefined ? refusal(404) : describeKey(known.algorithm, known.versions);
    if (known === undefined) return refusal(400, "signing key not found");
    return this.#sign(known, hash, body);
  }

  #logIn(): object {
    this.counts.logins++;
    const token = makeToken();
    this.#tokens.add(token);
    this.#everyToken.add(token);
    return { auth: { client_token: token, lease_duration: this.leaseSeconds, renewable: this.leaseSeconds > 0 } };
  }

  #sign(
    { algorithm, versions }: { algorithm: SignatureAlgorithm; versions: KeyObject[] },
    hash: string | undefined,
    body: Record<string, unknown>,
  ): object | Refusal {
    const version = body["key_version"];
    if (this.#fault === "version-retired") {
      return refusal(
        500,
        "1 error occurred:\n\t* requested version for signing is less than the minimum encryption key version\n\n",
      );
    }
    if (typeof version !== "number" || versions[version - 1] === undefined)
      return refusal(500, "1 error occurred:\n\t* no such key version\n\n");
    const input = Buffer.from(String(body["input"]), "base64");
    const key = this.#fault === "other-key" ? generatePrivateKey(algorithm) : versions[version - 1]!;
    const message = this.#fault === "other-message" ? Buffer.from(input).fill(1) : input;
    this.counts.signatures++;
    const signature = signInput({ algorithm, hash, body }, message, key);
    if ("status" in signature) return signature;
    return { data: { signature: this.#written(signature, version), key_version: version } };
  }

  #written(signature: Uint8Array, version: number): string | undefined {
    const base64 = Buffer.from(signature).toString("base64");
    switch (this.#fault) {
      case "no-signature":
        return undefined;
      case "wrong-version":
        return `vault:v${String(version + 1)}:${base64}`;
      case "not-base64":
        return `vault:v${String(version)}:%%%`;
      case "truncated-signature":
        return `vault:v${String(version)}:${Buffer.from(signature.subarray(0, -2)).toString("base64")}`;
      default:
        return `vault:v${String(version)}:${base64}`;
    }
  }
}

function makeToken(): string {
  const token = `hvs.${randomBytes(16).toString("hex")}`;
  registerSecret(token);
  return token;
}

interface HowToSign {
  readonly algorithm: SignatureAlgorithm;
  readonly hash: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** As strict as the engine: what does not fit the key's type is refused, never reinterpreted. */
function signInput({ algorithm, hash, body }: HowToSign, input: Buffer, key: KeyObject): Uint8Array | Refusal {
  if (algorithm === "ed25519") {
    return hash === undefined && body["prehashed"] !== true
      ? sign(null, input, key)
      : refusal(400, "unsupported input");
  }
  if (body["prehashed"] !== true || HASHES[hash ?? ""] !== input.length) return refusal(400, "invalid digest length");
  if (algorithm === "rsa-pkcs1-sha256") {
    return body["signature_algorithm"] === "pkcs1v15" ? signDigest(input, key) : refusal(400, "only pkcs1v15 here");
  }
  const signature = signDigest(input, key);
  return body["marshaling_algorithm"] === "asn1" ? asDer(signature, key) : signature;
}

function describeKey(algorithm: SignatureAlgorithm, versions: readonly KeyObject[]): object {
  const publicKeyOf = (key: KeyObject): string => {
    const publicKey = createPublicKey(key);
    if (algorithm !== "ed25519") return publicKey.export({ type: "spki", format: "pem" }).toString();
    return Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url").toString("base64");
  };
  const keys = Object.fromEntries(versions.map((key, at) => [String(at + 1), { public_key: publicKeyOf(key) }]));
  return { data: { type: TYPES[algorithm], derived: false, supports_signing: true, keys } };
}

function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
