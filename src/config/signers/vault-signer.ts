import { z } from "zod";
import { pathSchema, secretSchema } from "../secret-schema.ts";
import { object } from "../strict-object.ts";
import { keyCalls } from "./key-calls-schema.ts";
import { serviceUrl } from "./service-url.ts";

/** Such as `transit` or `team/transit`. */
const apiPath = z
  .string()
  .max(256)
  .regex(/^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/u, "expected a path without slashes at its ends");

const auth = z
  .discriminatedUnion("kind", [
    object({
      kind: z.literal("token").describe("A token that something else keeps valid, as an agent does in a file."),
      token: secretSchema.describe("Read again when the service does not take the token any more."),
    }),
    object({
      kind: z.literal("app-role"),
      mount: apiPath.default("approle").describe("Path of the auth method."),
      roleId: z.string().min(1).max(256),
      secretId: secretSchema.describe("Read at each login."),
    }),
    object({
      kind: z.literal("kubernetes").describe("The service account of the pod."),
      mount: apiPath.default("kubernetes").describe("Path of the auth method."),
      role: z.string().min(1).max(256),
      tokenFile: pathSchema
        .default("/var/run/secrets/kubernetes.io/serviceaccount/token")
        .describe("Token of the service account, read at each login."),
    }),
  ])
  .describe(
    "Who asks. The policy needs `update` on MOUNT/sign/KEY and everything below, and `read` on MOUNT/keys/KEY.",
  );

/** A key of the transit engine. */
export const vaultSigner = object({
  kind: z.literal("vault").describe("A key in the transit engine of OpenBao or HashiCorp Vault."),
  address: serviceUrl.describe("Base URL of the server, or of an agent on this machine."),
  namespace: apiPath.optional(),
  mount: apiPath.default("transit").describe("Path of the transit engine."),
  key: z
    .string()
    .max(256)
    .regex(/^\w(?:[\w.-]*\w)?$/u, "expected the name of a transit key"),
  version: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .describe("Version of the key. It is pinned: when the key is rotated, this version goes on signing."),
  caCertificate: pathSchema
    .optional()
    .describe("Certificate authorities trusted for its TLS only, PEM; those of Node.js when left out."),
  auth,
  ...keyCalls,
});
