import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { fetch } from "undici";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { makeTestTlsPair } from "./tls-pair.ts";

/** An issuer of e-mail tokens that production accepts: its documents and keys come over HTTPS. */
export interface HttpsIssuer {
  /** The `iss` value, on 127.0.0.1. */
  readonly url: string;
  /** PEM of the certificate to trust for it. */
  readonly certificate: string;
  readonly mintToken: (email: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Starts one, with a development issuer behind it that makes the keys and signs. Its TLS files go into `folder`. */
export async function startHttpsIssuer(folder: string): Promise<HttpsIssuer> {
  const signing = await startDevelopmentIssuer();
  const { certificate, key } = makeTestTlsPair(folder, "issuer");
  const server = createServer({ cert: certificate, key });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const discovery = JSON.stringify({
    issuer: url,
    jwks_uri: `${url}/jwks`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  });
  const bodyOf = async (path: string | undefined): Promise<string | undefined> => {
    if (path === "/.well-known/openid-configuration") return discovery;
    return path === "/jwks" ? (await fetch(`${signing.url}/jwks`)).text() : undefined;
  };
  server.on("request", (request, response) => {
    void bodyOf(request.url).then((body) => {
      response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" }).end(body);
    });
  });
  return {
    url,
    certificate,
    mintToken: (email) => signing.mintToken("email", { iss: url, email }),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, signing.close()]);
    },
  };
}
