import { createPublicKey, randomBytes, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import { makeKeyVersion, type FakeKeyVersion } from "./fake-key-version.ts";
import { registerSecret, registerToken } from "../support/keep-output.ts";
import { asDer, signDigest } from "../support/keys/sign-digest.ts";
import { startFakeAzureHosts, type FakeHosts } from "./fake-azure-hosts.ts";

/** What is answered with a status and words of the service's own. */
const STATUS_FAULTS = {
  "bad-parameter": [400, "BadParameter", "Property value is not of the size of the algorithm's digest"],
  "token-refused": [401, "Unauthorized", "AKV10022: Invalid audience."],
  "rbac-denied": [403, "Forbidden", "Caller is not authorized to perform action on resource.", "ForbiddenByRbac"],
  "policy-denied": [403, "Forbidden", "The caller does not have keys sign permission", "AccessDenied"],
  firewall: [
    403,
    "Forbidden",
    "Client address is not authorized and caller is not a trusted service",
    "ForbiddenByFirewall",
  ],
  disabled: [403, "Forbidden", "Operation sign is not allowed on a disabled key.", "KeyDisabled"],
  expired: [403, "Forbidden", "Operation sign is not allowed on an expired key.", "KeyExpired"],
  deleted: [404, "KeyNotFound", "A key with (name/id) was not found in this key vault."],
  conflict: [409, "Conflict", "Key is currently being deleted.", "ObjectIsBeingDeleted"],
  throttled: [429, "Throttled", "Request was not processed because too many requests were received."],
  "status-500": [500, "InternalServerError", "An internal server error has occurred."],
  "status-503": [503, "ServiceUnavailable", "The service is unavailable."],
} as const satisfies Readonly<Record<string, readonly [number, string, string, string?]>>;

/** What the server does instead of what it is asked for. */
export type AzureFault =
  | keyof typeof STATUS_FAULTS
  | "hang"
  | "hang-in-body"
  | "reset"
  | "redirect"
  | "bad-gateway-page"
  | "not-json"
  | "truncated-json"
  | "wrong-kid"
  | "no-kid"
  | "no-signature"
  | "short-signature"
  | "der-signature"
  | "other-key"
  | "other-algorithm"
  | "other-message";

/** How tokens are refused. */
export type EntraFault = "hang" | "reset" | "status-400" | "status-429" | "status-500" | "not-json";

const TENANT = "11111111-2222-3333-4444-555555555555";
const CLIENT = "66666666-7777-8888-9999-000000000000";
const ALGORITHMS: Readonly<Partial<Record<SignatureAlgorithm, readonly [alg: string, bytes: number, crv?: string]>>> = {
  "ecdsa-p256-sha256": ["ES256", 32, "P-256"],
  "ecdsa-p384-sha384": ["ES384", 48, "P-384"],
  "ecdsa-p521-sha512": ["ES512", 64, "P-521"],
  "rsa-pkcs1-sha256": ["RS256", 32],
};

type Body = Readonly<Record<string, unknown>>;
type Answer = readonly [status: number, body: Body | string, headers?: Readonly<Record<string, string>>];

/** Azure Key Vault and Managed HSM of our own, and the part of Entra that gives tokens for them. */
export class FakeAzureKeyVault {
  readonly tenantId = TENANT;
  readonly clientId = CLIENT;
  readonly clientSecret = `secret~${randomBytes(12).toString("hex")}`;
  readonly serviceAccountToken = `eyJhbGciOiJSUzI1NiJ9.${randomBytes(12).toString("hex")}.c2ln`;
  readonly counts = { tokens: 0, signatures: 0, publicKeys: 0, anonymousBodies: 0 };
  /** Changes what is said of a key. */
  keyAnswer: (answer: Body) => Body = (answer) => answer;
  /** What a caller without a token is told to get one for. */
  resource: string | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), "mayfly-azure-"));
  readonly #versions = new Map<string, FakeKeyVersion>();
  readonly #given: string[] = [];
  readonly #audiences = new Map<string, string>();
  #wanted: { readonly fault: AzureFault | undefined; readonly key?: string | undefined } = { fault: undefined };
  #entraFault: EntraFault | undefined;
  #hosts: FakeHosts | undefined;

  /** File with the token of a service account that Entra knows. */
  get tokenFile(): string {
    return join(this.#folder, "token");
  }

  secrets = (): readonly string[] => [this.clientSecret, this.serviceAccountToken, ...this.#given];

  async start(): Promise<void> {
    registerSecret(this.clientSecret);
    registerToken(this.serviceAccountToken);
    writeFileSync(this.tokenFile, this.serviceAccountToken);
    this.#hosts = await startFakeAzureHosts((request, response) => void this.#handle(request, response));
  }

  /** Name of the key of an algorithm for some use, which is made if need be, and its first version. */
  keyOf(algorithm: SignatureAlgorithm, use = "mayfly"): { readonly key: string; readonly version: string } {
    const key = `${use}-${ALGORITHMS[algorithm]![0]}`;
    const version = "0".repeat(31) + "1";
    const name = `${key}/${version}`;
    if (!this.#versions.has(name)) this.#versions.set(name, makeKeyVersion(algorithm));
    return { key, version };
  }

  rotate(algorithm: SignatureAlgorithm): void {
    const name = `mayfly-${ALGORITHMS[algorithm]![0]}/${"0".repeat(31)}2`;
    this.#versions.set(name, makeKeyVersion(algorithm));
  }

  /** From now on, of one key or of all; undefined ends it. */
  misbehave(fault: AzureFault | undefined, key?: string): void {
    this.#wanted = { fault, key };
  }

  refuseTokens(fault: EntraFault | undefined): void {
    this.#entraFault = fault;
  }

  /** No token is taken any more. */
  revokeTokens(): void {
    this.#audiences.clear();
  }

  async close(): Promise<void> {
    await this.#hosts?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const host = request.headers.host ?? "";
    const answer =
      host === "login.microsoftonline.com"
        ? this.#giveToken(request, text)
        : this.#answer({ request, host, text, origin: `https://${host}` }, response);
    if (answer === "hang") return;
    if (answer === "reset") {
      request.socket.destroy();
      return;
    }
    const [status, body, headers] = answer;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  #giveToken(request: IncomingMessage, text: string): Answer | "hang" | "reset" {
    const fault = this.#entraFault;
    if (fault === "hang" || fault === "reset") return fault;
    if (fault === "not-json") return [200, "<html>"];
    if (fault !== undefined) {
      // As careless servers do, the refusal quotes what it was asked with.
      const description = `AADSTS7000215: Invalid client secret ${this.clientSecret} ${this.serviceAccountToken}`;
      return [
        Number(fault.slice(7)),
        { error: "invalid_client", error_description: description, error_codes: [7000215] },
      ];
    }
    const form = new URLSearchParams(text);
    const scope = (form.get("scope") ?? "").split(" ").find((one) => one.endsWith("/.default"));
    const isKnown =
      request.url?.startsWith(`/${TENANT}/oauth2/v2.0/token`) === true &&
      form.get("grant_type") === "client_credentials" &&
      form.get("client_id") === CLIENT &&
      (form.get("client_secret") === this.clientSecret || form.get("client_assertion") === this.serviceAccountToken);
    if (!isKnown || scope === undefined) {
      return [401, { error: "invalid_client", error_description: "AADSTS700016: not known", error_codes: [700016] }];
    }
    this.counts.tokens++;
    const token = `eyJ0eXAiOiJKV1QifQ.${randomBytes(24).toString("base64url")}.c2ln`;
    registerToken(token);
    this.#given.push(token);
    this.#audiences.set(token, scope.replace("/.default", ""));
    return [200, { token_type: "Bearer", expires_in: 3_599, ext_expires_in: 3_599, access_token: token }];
  }

  #answer(asked: Asked, response: ServerResponse): Answer | "hang" | "reset" {
    const { request, host, text } = asked;
    const service = host.replace(/^[^.]+\./u, "");
    const token = /^Bearer (?<token>.+)$/u.exec(request.headers.authorization ?? "")?.groups?.["token"];
    if (token === undefined || this.#audiences.get(token) !== `https://${service}`) {
      // A body that comes without a token would reach whoever answers for the name.
      if (token === undefined && text !== "") this.counts.anonymousBodies++;
      const resource = this.resource ?? `https://${service}`;
      const challenge = `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="${resource}"`;
      return [
        401,
        errorBody("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token."),
        { "www-authenticate": challenge },
      ];
    }
    const url = new URL(request.url ?? "", asked.origin);
    const {
      key = "",
      version = "",
      verb,
    } = /^\/keys\/(?<key>[^/]+)\/(?<version>[^/]+)(?:\/(?<verb>sign))?$/u.exec(url.pathname)?.groups ?? {};
    const found = this.#versions.get(`${key}/${version}`);
    if (found === undefined) return [404, errorBody("KeyNotFound", "A key with (name/id) was not found.")];
    if (!/^(?:7\.\d|20\d\d-\d\d-\d\d)/u.test(url.searchParams.get("api-version") ?? ""))
      return [400, errorBody("BadParameter", "api-version")];
    const { fault, key: only } = this.#wanted;
    const applies = fault !== undefined && (only === undefined || only === key) ? fault : undefined;
    const kid = `${asked.origin}/keys/${key}/${version}`;
    return (
      misbehaves(applies, response) ??
      (verb === undefined ? this.#publicKey(found, kid, host) : this.#sign(found, { applies, kid, text }))
    );
  }

  #publicKey({ algorithm, key }: FakeKeyVersion, kid: string, host: string): Answer {
    this.counts.publicKeys++;
    const { kty, ...jwk } = createPublicKey(key).export({ format: "jwk" });
    const suffix = host.includes("managedhsm") ? "-HSM" : "";
    const attributes = { enabled: true, created: 1_700_000_000, updated: 1_700_000_000 };
    const described = {
      kid,
      kty: `${kty!}${suffix}`,
      key_ops: ["sign", "verify"],
      ...jwk,
      crv: ALGORITHMS[algorithm]![2],
    };
    return [200, this.keyAnswer({ key: described, attributes })];
  }

  #sign({ algorithm, key, other }: FakeKeyVersion, { applies, kid, text }: Signing): Answer {
    const { alg, value } = JSON.parse(text) as { readonly alg?: unknown; readonly value?: unknown };
    const [wanted, bytes] = ALGORITHMS[algorithm]!;
    const digest = Buffer.from(String(value), "base64url");
    // As strict as the service: what does not fit the key is refused, never reinterpreted.
    if (alg !== wanted || digest.length !== bytes)
      return [400, errorBody("BadParameter", "Key and signing algorithm are incompatible")];
    this.counts.signatures++;
    const signing = signerOf(applies, other) ?? key;
    const signature = signDigest(applies === "other-message" ? new Uint8Array(bytes).fill(7) : digest, signing);
    return [200, { kid, value: toText(signature), ...damageOf(applies, { signature, signing }) }];
  }
}

interface Asked {
  readonly request: IncomingMessage;
  readonly host: string;
  readonly origin: string;
  readonly text: string;
}

interface Signing {
  readonly applies: AzureFault | undefined;
  readonly kid: string;
  readonly text: string;
}

/** Starts it: until it is closed, this process finds the hosts of Azure on this machine. */
export async function startFakeAzureKeyVault(): Promise<FakeAzureKeyVault> {
  const vault = new FakeAzureKeyVault();
  await vault.start();
  return vault;
}

const errorBody = (code: string, message: string, inner?: string): Body => ({
  error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) },
});

/** Faults of the line and of the service as a whole. */
function misbehaves(fault: AzureFault | undefined, response: ServerResponse): Answer | "hang" | "reset" | undefined {
  switch (fault) {
    case undefined:
      return undefined;
    case "hang":
    case "reset":
      return fault;
    case "hang-in-body":
      response.writeHead(200, { "content-type": "application/json" }).write('{"kid":');
      return "hang";
    case "redirect":
      return [307, "", { location: "https://elsewhere.vault.azure.net/" }];
    case "bad-gateway-page":
      return [502, "<h1>Bad Gateway</h1>", { "content-type": "text/html" }];
    case "not-json":
      return [200, "<html>welcome</html>"];
    case "truncated-json":
      return [200, '{"kid":"https://'];
    default:
      return statusFault(fault);
  }
}

function statusFault(fault: AzureFault): Answer | undefined {
  if (!(fault in STATUS_FAULTS)) return undefined;
  const [status, code, message, inner]: readonly [number, string, string, string?] =
    STATUS_FAULTS[fault as keyof typeof STATUS_FAULTS];
  return [status, errorBody(code, message, inner), status === 429 ? { "retry-after": "7" } : {}];
}

/** Another key than that which was asked for. */
function signerOf(fault: AzureFault | undefined, other: KeyObject): KeyObject | undefined {
  if (fault === "other-key") return other;
  return fault === "other-algorithm" ? generatePrivateKey("ecdsa-p384-sha384") : undefined;
}

function damageOf(
  fault: AzureFault | undefined,
  { signature, signing }: { readonly signature: Uint8Array; readonly signing: KeyObject },
): Body {
  switch (fault) {
    case "wrong-kid":
      return { kid: "https://mayfly.vault.azure.net/keys/another/1" };
    case "no-kid":
      return { kid: undefined };
    case "no-signature":
      return { value: undefined };
    case "short-signature":
      return { value: toText(signature.subarray(0, -2)) };
    case "der-signature":
      return { value: toText(asDer(signature, signing)) };
    default:
      return {};
  }
}

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
