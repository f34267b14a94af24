import { join } from "node:path";
import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { ask } from "../ask.ts";
import { freePort } from "../clients/neighbour.ts";
import { installMavenArchive } from "../clients/installation.ts";
import { startIssuerProgram, type IssuerProgram } from "./issuer-program.ts";
import { tokenIn } from "./oidc-provider.ts";

/** Keycloak, installed as `tools/issuers/keycloak` pins it, or why it is not. */
export const KEYCLOAK = installMavenArchive("keycloak");

/** A running Keycloak, with a realm of people and clients. */
export interface Keycloak {
  /** The realm's issuer. */
  readonly url: string;
  readonly program: () => IssuerProgram;
  /** A token of somebody who signs in with name and password (RFC 6749 §4.3). */
  readonly token: (person: string, client: string, kind?: "access_token" | "id_token") => Promise<string>;
  /** Takes a new key, and removes the old one. */
  readonly rotate: () => Promise<void>;
}

const PASSWORD = "a password of a test";
const ADMIN = { KC_BOOTSTRAP_ADMIN_USERNAME: "admin", KC_BOOTSTRAP_ADMIN_PASSWORD: PASSWORD };

/** Starts it on a free port of loopback, in memory; its first start takes a minute or two. */
export async function startKeycloak(folder: string): Promise<Keycloak> {
  if ("whyNot" in KEYCLOAK) throw new Error(KEYCLOAK.whyNot);
  const home = homeIn(KEYCLOAK.folder!, folder);
  const port = String(await freePort());
  const base = `http://127.0.0.1:${port}`;
  const program = await startIssuerProgram({
    program: "bash",
    args: [join(home, "bin/kc.sh"), "start-dev", "--db=dev-mem", "--http-host=127.0.0.1", `--http-port=${port}`],
    folder,
    environment: { ...ADMIN, KC_HTTP_ENABLED: "true", JAVA_OPTS_KC_HEAP: "-Xms64m -Xmx384m" },
    isReady: async () => (await ask(`${base}/realms/master/.well-known/openid-configuration`)).status === 200,
  });
  const admin = async (request: string, body?: object): Promise<unknown> => {
    const login = { grant_type: "password", client_id: "admin-cli", username: "admin", password: PASSWORD };
    const session = await signIn(`${base}/realms/master`, login, "access_token");
    const [method = "", path = ""] = request.split(" ");
    const answer = await ask(`${base}/admin/${path}`, {
      method,
      headers: { authorization: `Bearer ${session}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status >= 300) throw new Error(`${request}: ${String(answer.status)} ${answer.text}`);
    return answer.body;
  };
  await admin("POST realms", REALM);
  const url = `${base}/realms/ci`;
  return {
    url,
    program: () => program,
    token: (person, client, kind = "id_token") => {
      const login = { grant_type: "password", client_id: client, username: person, password: PASSWORD };
      return signIn(url, { ...login, scope: "openid" }, kind);
    },
    rotate: async () => {
      const before = (await admin("GET realms/ci/keys")) as KeysOfRealm;
      const old = before.keys.find(({ kid }) => kid === before.active["RS256"])!;
      await admin("POST realms/ci/components", {
        name: "another",
        providerId: "rsa-generated",
        providerType: "org.keycloak.keys.KeyProvider",
        config: { priority: ["200"] },
      });
      await admin(`DELETE realms/ci/components/${old.providerId}`);
    },
  };
}

interface KeysOfRealm {
  readonly active: Readonly<Record<string, string>>;
  readonly keys: readonly { readonly kid: string; readonly providerId: string }[];
}

const person = (username: string, options: object): object => ({
  username,
  email: `${username}@example.com`,
  firstName: "First",
  lastName: "Last",
  enabled: true,
  emailVerified: true,
  credentials: [{ type: "password", value: PASSWORD }],
  ...options,
});

const client = (clientId: string): object => ({ clientId, publicClient: true, directAccessGrantsEnabled: true });

const REALM = {
  realm: "ci",
  enabled: true,
  clients: [client("sigstore"), client("other")],
  users: [person("alice", {}), person("mallory", { emailVerified: false }), person("gone", { enabled: false })],
};

/** A copy of what was unpacked, since a start writes into it what it was built from. */
function homeIn(installed: string, folder: string): string {
  const home = join(folder, "keycloak");
  if (existsSync(home)) return home;
  mkdirSync(folder, { recursive: true });
  cpSync(join(installed, readdirSync(installed)[0]!), home, { recursive: true });
  return home;
}

async function signIn(
  issuer: string,
  form: Readonly<Record<string, string>>,
  kind: "access_token" | "id_token",
): Promise<string> {
  const body = new URLSearchParams(form);
  return tokenIn(await ask(`${issuer}/protocol/openid-connect/token`, { method: "POST", body }), kind);
}
