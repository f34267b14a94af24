import { TRUST_FILE_NAMES } from "../../trust/trust-file-names.ts";
import type { TrustFileName } from "../../trust/trust-file-names.ts";
import { LOG_READS } from "./log-reads.ts";
import { keptRead, read } from "./operations.ts";
import { granted, grantedJson, grantedPem, HEADER_OBJECTS, RESPONSES, SIGNING_REFUSALS } from "./responses.ts";
import type { ResponseObject } from "./responses.ts";
import { schemaRef, SCHEMAS } from "./schemas.ts";
import type { Schema } from "./schemas.ts";

/** What a service has beside the API that every one has. */
export interface Offered {
  readonly trustFiles: boolean;
  readonly logs: boolean;
}

const INFO = {
  title: "Mayfly",
  summary: "An ephemeral certificate authority that speaks Fulcio's API",
  description:
    "Every certificate is in a certificate transparency log before the caller sees it. Every answer may be read by pages of " +
    "any origin (Fetch Standard, CORS protocol). Requests are read as ProtoJSON: names may also be those of the .proto files, null " +
    "is what was left out, bytes may be in the URL-safe alphabet or without padding.",
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  version: "2.0.0",
};

const BEARER = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description: "An OIDC ID token (RFC 6750 §2.1).",
};

/** The OpenAPI 3.1 description of a service's public listener, in its JSON form. */
export function buildOpenApi({ trustFiles, logs }: Offered): object {
  return {
    openapi: "3.1.0",
    info: INFO,
    // The one it was fetched from.
    servers: [{ url: "/" }],
    tags: [{ name: "signing" }, { name: "trust" }, { name: "log" }, { name: "service" }],
    paths: { ...API, ...(trustFiles ? TRUST_FILES : {}), ...(logs ? LOG_READS : {}) },
    components: {
      schemas: SCHEMAS,
      responses: RESPONSES,
      headers: HEADER_OBJECTS,
      securitySchemes: { idToken: BEARER },
    },
  };
}

const TOKEN_IN_HEADER = { idToken: [] };
const TOKEN_IN_BODY = {};

const signing = (body: Schema, operation: object): object => ({
  post: {
    tags: ["signing"],
    summary: "An ID token and a key in, a logged certificate out",
    requestBody: { required: true, content: { "application/json": { schema: body } } },
    ...operation,
  },
});

const API = {
  "/api/v2/signingCert": signing(schemaRef("CreateSigningCertificateRequest"), {
    operationId: "createSigningCertificate",
    security: [TOKEN_IN_HEADER, TOKEN_IN_BODY],
    responses: {
      "200": grantedJson("The certificate and its chain.", schemaRef("SigningCertificate")),
      ...SIGNING_REFUSALS,
    },
  }),
  "/api/v2/trustBundle": {
    get: read("getTrustBundle", "trust", grantedJson("The CA chains to trust", schemaRef("TrustBundle"))),
  },
  "/api/v2/configuration": {
    get: read(
      "getConfiguration",
      "signing",
      grantedJson("The issuers whose tokens are accepted", schemaRef("Configuration")),
    ),
  },
  "/api/v1/signingCert": signing(schemaRef("V1CreateSigningCertificateRequest"), {
    operationId: "createSigningCertificateV1",
    security: [TOKEN_IN_HEADER],
    responses: {
      "201": grantedPem("The certificate, its issuers, the root last; one newline between them."),
      ...SIGNING_REFUSALS,
    },
  }),
  "/api/v1/rootCert": { get: read("getRootCertificate", "trust", grantedPem("The CA chains to trust, as PEM")) },
  "/healthz": { get: read("check", "service", grantedJson("The process is alive", schemaRef("Health"))) },
  "/openapi.json": {
    get: read("getOpenApi", "service", grantedJson("This document", { type: "object", required: ["openapi"] })),
  },
} as const;

const TRUST_FILE_ANSWERS: Readonly<Record<TrustFileName, ResponseObject>> = {
  "trusted_root.json": grantedJson("dev.sigstore.trustroot.v1.TrustedRoot", { type: "object" }),
  "signing_config.v0.2.json": grantedJson("dev.sigstore.trustroot.v1.SigningConfig", { type: "object" }),
  "client_trust_config.json": grantedJson("dev.sigstore.trustroot.v1.ClientTrustConfig", { type: "object" }),
  "chain.pem": grantedPem("The issuing CA and its root"),
  "ct_log.pem": granted("The key of the log in use", "text/plain"),
  "ct_logs.pem": granted("The keys of all logs", "text/plain"),
  "fingerprints.txt": granted("What to compare with what the operator says elsewhere", "text/plain"),
};

const TRUST_FILES = Object.fromEntries(
  TRUST_FILE_NAMES.map((name) => [
    `/trust/${name}`,
    keptRead(read(`getTrust/${name}`, "trust", TRUST_FILE_ANSWERS[name])),
  ]),
);
