import { createHash, randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { ask, type Answer } from "../ask.ts";
import { freePort } from "../clients/neighbour.ts";
import { installNode } from "../clients/installation.ts";
import { startIssuerProgram, type IssuerProgram } from "./issuer-program.ts";

/** oidc-provider, installed as `tools/issuers/oidc-provider` pins it, or why it is not. */
export const OIDC_PROVIDER = installNode("oidc-provider", [], "tools/issuers");

/** A running oidc-provider (`tools/issuers/oidc-provider/server.mjs`). */
export interface OidcProvider {
  readonly url: string;
  readonly program: () => IssuerProgram;
  /** Begins anew, with another key. */
  readonly restart: () => Promise<void>;
  /** The ID token of somebody who signs in: the authorization code flow with PKCE (RFC 7636), as a browser goes through it. */
  readonly signIn: (person: string, client: string) => Promise<string>;
  /** An access token (RFC 9068) of a client's own. */
  readonly accessToken: () => Promise<string>;
}

/** Starts it on a free port of loopback. */
export async function startOidcProvider(folder: string): Promise<OidcProvider> {
  if ("whyNot" in OIDC_PROVIDER) throw new Error(OIDC_PROVIDER.whyNot);
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const args = [resolve("tools/issuers/oidc-provider/server.mjs"), OIDC_PROVIDER.folder!, port];
  const isReady = async (): Promise<boolean> => (await ask(`${url}/.well-known/openid-configuration`)).status === 200;
  const start = (): Promise<IssuerProgram> => startIssuerProgram({ program: process.execPath, args, folder, isReady });
  let program = await start();
  return {
    url,
    program: () => program,
    restart: async () => {
      await program.stop();
      program = await start();
    },
    signIn: (person, client) => signIn(url, person, client),
    accessToken: async () => {
      const basic = Buffer.from("robot:a+secret+of+a+test").toString("base64");
      const answer = await ask(`${url}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${basic}` },
        body: new URLSearchParams({
          grant_type: "client_credentials",
          resource: "https://sigstore.example.com",
          scope: "sign",
        }),
      });
      return tokenIn(answer, "access_token");
    },
  };
}

async function signIn(url: string, person: string, client: string): Promise<string> {
  const browser = openBrowser(url);
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    client_id: client,
    response_type: "code",
    scope: "openid email",
    redirect_uri: `${url}/back`,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  let at = await browser(`${url}/auth?${query.toString()}`);
  for (const prompt of ["login", "consent"]) {
    if (at.startsWith(`${url}/back`)) break;
    at = await browser(at, { prompt, login: person, password: "any" });
    at = await browser(at);
  }
  const code = new URL(at).searchParams.get("code");
  if (code === null) throw new Error(`nobody could sign in: ${at}`);
  const answer = await ask(`${url}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: client,
      code,
      redirect_uri: `${url}/back`,
      code_verifier: verifier,
    }),
  });
  return tokenIn(answer, "id_token");
}

/** A page, or a form that is sent, and where that leads; cookies are kept in between. */
function openBrowser(url: string): (page: string, form?: Readonly<Record<string, string>>) => Promise<string> {
  const cookies = new Map<string, string>();
  return async (page, form) => {
    const response = await globalThis.fetch(page, {
      redirect: "manual",
      headers: { cookie: Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; ") },
      ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
    });
    const text = await response.text();
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/u.exec(cookie) ?? [];
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    const next = response.headers.get("location");
    if (next === null) throw new Error(`${page} leads nowhere: ${String(response.status)} ${text.slice(0, 500)}`);
    return new URL(next, url).href;
  };
}

/** A token of a token endpoint's answer (RFC 6749 §5.1). */
export function tokenIn({ body, text }: Answer, name: "access_token" | "id_token"): string {
  const token = (body as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (typeof token !== "string") throw new Error(`no ${name}: ${text.slice(0, 500)}`);
  return token;
}
