import { rmSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { freePort } from "../clients/neighbour.ts";
import { callBao, startBaoServer } from "../issuers/open-bao.ts";
import type { IssuerProgram } from "../issuers/issuer-program.ts";
import { registerSecret } from "../keep-output.ts";

const TYPES: Readonly<Record<SignatureAlgorithm, string>> = {
  "ecdsa-p256-sha256": "ecdsa-p256",
  "ecdsa-p384-sha384": "ecdsa-p384",
  "ecdsa-p521-sha512": "ecdsa-p521",
  "rsa-pkcs1-sha256": "rsa-3072",
  ed25519: "ed25519",
};

/** A real OpenBao with a transit engine, whose policy is what docs/keys.md says and no more. */
export interface TransitLab {
  readonly address: string;
  readonly program: () => IssuerProgram;
  readonly roleId: string;
  readonly secretId: string;
  /** Calls its API as root. */
  readonly call: (request: string, body?: object) => Promise<unknown>;
  /** Makes a key for some use, version 1; its name. */
  readonly makeKey: (algorithm: SignatureAlgorithm, use: string) => Promise<string>;
  /** A token of the policy, with a time to live. */
  readonly token: (ttl: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** The policy of docs/keys.md for one key. */
const policyFor = (key: string): string => `
path "transit/sign/${key}" { capabilities = ["update"] }
path "transit/sign/${key}/*" { capabilities = ["update"] }
path "transit/keys/${key}" { capabilities = ["read"] }
`;

/** Starts it on a free port of loopback, in memory. */
export async function startTransitLab(): Promise<TransitLab> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-transit-"));
  const address = `127.0.0.1:${String(await freePort())}`;
  const program = await startBaoServer(address, folder);
  const call: TransitLab["call"] = (request, body) => callBao(`http://${address}/v1`, request, body);
  await call("POST sys/mounts/transit", { type: "transit" });
  await call("POST sys/auth/approle", { type: "approle" });
  const role = { token_policies: "mayfly", token_ttl: "1h", secret_id_ttl: "1h" };
  await call("POST auth/approle/role/mayfly", role);
  const { data: roleId } = (await call("GET auth/approle/role/mayfly/role-id")) as Data<"role_id">;
  const { data: secretId } = (await call("POST auth/approle/role/mayfly/secret-id", {})) as Data<"secret_id">;
  registerSecret(secretId.secret_id);
  let policy = "";
  return {
    address: `http://${address}`,
    program: () => program,
    roleId: roleId.role_id,
    secretId: secretId.secret_id,
    call,
    makeKey: async (algorithm, use) => {
      const name = `${use}-${TYPES[algorithm]}`;
      await call(`POST transit/keys/${name}`, { type: TYPES[algorithm] });
      policy += policyFor(name);
      await call("PUT sys/policies/acl/mayfly", { policy });
      return name;
    },
    token: async (ttl) => {
      const { auth } = (await call("POST auth/token/create", { policies: ["mayfly"], ttl, renewable: false })) as {
        readonly auth: { readonly client_token: string };
      };
      return auth.client_token;
    },
    close: async () => {
      await program.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Data<Name extends string> {
  readonly data: Readonly<Record<Name, string>>;
}
