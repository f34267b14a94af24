import { Agent as HttpsAgent } from "node:https";
import type { Agent } from "node:http";
import { Agent as HttpAgent } from "../../../node-http.ts";
import { exchangeJson } from "../remote/json-exchange.ts";
import type { JsonAnswer } from "../remote/json-exchange.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import type { KeyFailureKind } from "../remote/key-failure.ts";

/** Where a server of OpenBao or Vault is. */
export interface VaultServer {
  /** Base URL, with or without a final slash. */
  readonly address: string;
  readonly namespace?: string | undefined;
  /** Certificate authorities trusted for its TLS only, PEM. */
  readonly caCertificatePem?: string | undefined;
}

/** A call of its HTTP API. */
export interface VaultCall {
  readonly method: "GET" | "POST";
  /** Below `/v1/`. */
  readonly path: string;
  readonly body?: object;
  /** Absent for a login. */
  readonly token?: string;
}

/** Calls the HTTP API of a server over connections that are kept. */
export class VaultClient {
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #ca: string | undefined;
  readonly #agent: Agent;

  constructor({ address, namespace, caCertificatePem }: VaultServer) {
    this.#base = new URL(`${address.replace(/\/$/u, "")}/v1/`);
    // An agent in between lets nothing through that a browser could have been made to send.
    this.#headers = {
      "x-vault-request": "true",
      ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
    };
    this.#ca = caCertificatePem;
    this.#agent = new (this.#base.protocol === "https:" ? HttpsAgent : HttpAgent)({
      keepAlive: true,
      scheduling: "lifo",
    });
  }

  /**
   * @returns the `data` or `auth` that the answer has, and whatever else
   * @throws KeyFailure by status
   */
  async call(
    { method, path, body, token }: VaultCall,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await exchangeJson(new URL(path, this.#base), {
      method,
      headers: token === undefined ? this.#headers : { ...this.#headers, "x-vault-token": token },
      ...(body === undefined ? {} : { body }),
      agent: this.#agent,
      ca: this.#ca,
      signal,
    });
    if (answer.status !== 200) throw failureOf(answer);
    return membersOf(answer.body, "the answer");
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** An object's members; throws KeyFailure `wrong-answer` when it is none. */
export function membersOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new KeyFailure("wrong-answer", `${what} is no JSON object`);
}

/** A key or version that is not there, or not to be used, is answered with 400 and 500 like other things; its text tells. */
const NO_KEY =
  /key not found|no such key version|requested version for signing is (?:less|higher) than|does not support signing|soft.?deleted/iu;

/** What a refusal means, where its status alone says so (https://openbao.org/api-docs/#http-status-codes). */
const KINDS: ReadonlyMap<number, KeyFailureKind> = new Map<number, KeyFailureKind>([
  [401, "credentials"],
  [403, "credentials"],
  [404, "key-unusable"],
  // Not replicated yet to the node that was asked.
  [412, "unavailable"],
  [429, "quota"],
]);

function failureOf({ status, body, retryAfterMs }: JsonAnswer): KeyFailure {
  const told = errorsOf(body);
  const message = told === "" ? `status ${status}` : `status ${status}: ${told}`;
  const kind = KINDS.get(status);
  if (kind !== undefined) return new KeyFailure(kind, message, { retryAfterMs });
  if (NO_KEY.test(told)) return new KeyFailure("key-unusable", message);
  if (status >= 500) return new KeyFailure("unavailable", message);
  if (status >= 400) return new KeyFailure("refused", message);
  if (status < 300) return new KeyFailure("wrong-answer", message);
  return new KeyFailure("unavailable", `${message}: a node that is not active; redirects are not followed`);
}

function errorsOf(body: unknown): string {
  const { errors } = typeof body === "object" && body !== null ? { errors: [], ...body } : { errors: [] };
  return Array.isArray(errors) ? errors.filter((error) => typeof error === "string").join("; ") : "";
}
