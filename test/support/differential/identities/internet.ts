import { once } from "node:events";
import { createServer as createProxy } from "node:http";
import type { Server } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { makeTestTlsPair } from "../../tls-pair.ts";
import { makeTokenKey } from "../../tokens.ts";
import type { TokenKey } from "../../tokens.ts";

/** An internet in which there are only issuers, under the URLs that they really have, and all with one key. */
export interface Internet {
  /** Signs every issuer's tokens (RS256). */
  readonly key: TokenKey;
  /** What a program in Go has to know to be in it. */
  readonly forGo: Readonly<Record<string, string>>;
  /** What a program of Node's has to know, and with which arguments it is started. */
  readonly forNode: {
    readonly environment: Readonly<Record<string, string>>;
    readonly nodeArguments: readonly string[];
  };
  readonly close: () => Promise<void>;
}

const KEYS = "/keys";

/**
 * Opens one on loopback: a server for all issuers' documents over TLS, and a proxy through which programs in Go come to it.
 * A program of Node's, which is given no proxy, is led there by what is loaded before it.
 *
 * @param folder for the server's TLS files
 * @param issuerUrls `iss` values, no two of which have their discovery document at one place
 */
export async function openInternet(folder: string, issuerUrls: readonly string[]): Promise<Internet> {
  const key = makeTokenKey("RS256", "key-of-all");
  const documents = documentsOf(issuerUrls, key);
  const hosts = new Set(issuerUrls.map((url) => new URL(url).hostname));
  const { certificate, key: tlsKey, certificateFile } = makeTestTlsPair(folder, "issuers", [...hosts].map(forHost));
  const server = createServer({ cert: certificate, key: tlsKey }, ({ headers, url = "" }, response) => {
    const document = documents.get(`https://${headers.host?.toLowerCase() ?? ""}${url}`);
    const status = document === undefined ? 404 : 200;
    response.writeHead(status, { "content-type": "application/json" }).end(document);
  });
  const proxy = createProxy().on("connect", (_request, socket: Duplex) => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    server.emit("connection", socket);
  });
  const [serverPort, proxyPort] = [await listen(server), await listen(proxy)];
  const proxyUrl = `http://127.0.0.1:${String(proxyPort)}`;
  return {
    key,
    forGo: { HTTPS_PROXY: proxyUrl, NO_PROXY: "", SSL_CERT_FILE: certificateFile },
    forNode: {
      environment: { NODE_EXTRA_CA_CERTS: certificateFile, TEST_INTERNET_PORT: String(serverPort) },
      nodeArguments: ["--import", fileURLToPath(new URL("lead-names-to-loopback.ts", import.meta.url))],
    },
    close: async () => {
      for (const one of [proxy, server]) {
        const closed = once(one, "close");
        one.close();
        one.closeAllConnections();
        await closed;
      }
    },
  };
}

/** What is at which URL. */
function documentsOf(issuerUrls: readonly string[], { jwk }: TokenKey): ReadonlyMap<string, string> {
  const documents = new Map<string, string>();
  for (const issuer of new Set(issuerUrls)) {
    const { origin } = new URL(issuer);
    const place = `${origin}${issuer.slice(origin.length).replace(/\/$/u, "")}/.well-known/openid-configuration`;
    if (documents.has(place)) throw new Error(`another issuer has its document where ${issuer} has it`);
    const says = { issuer, jwks_uri: `${origin}${KEYS}`, id_token_signing_alg_values_supported: ["RS256"] };
    documents.set(place, JSON.stringify(says));
    documents.set(`${origin}${KEYS}`, JSON.stringify({ keys: [{ ...jwk, use: "sig", alg: "RS256" }] }));
  }
  return documents;
}

const forHost = (host: string): string => `DNS:${host}`;

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
