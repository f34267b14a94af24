// oidc-provider as an issuer of ID tokens: `node server.mjs FOLDER PORT`, where FOLDER has it in node_modules. Anybody may
// sign in as alice, whose address is verified, or as mallory, whose is not. Each start has a key of its own.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, port] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(join(folder, "node_modules", "oidc-provider", "lib", "index.js")).href);

const url = `http://127.0.0.1:${port}`;
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const person = (client_id) => ({
  client_id,
  token_endpoint_auth_method: "none",
  grant_types: ["authorization_code"],
  response_types: ["code"],
  redirect_uris: [`${url}/back`],
  id_token_signed_response_alg: "ES256",
});

const provider = new Provider(url, {
  clients: [
    person("sigstore"),
    person("other"),
    {
      client_id: "robot",
      client_secret: "a secret of a test",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "ES256" }] },
  cookies: { keys: [randomUUID()] },
  conformIdTokenClaims: false,
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  findAccount: (_, accountId) => ({
    accountId,
    claims: () => ({ sub: accountId, email: `${accountId}@example.com`, email_verified: accountId !== "mallory" }),
  }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "sign",
        audience: "sigstore",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
provider.listen(Number(port), "127.0.0.1");
