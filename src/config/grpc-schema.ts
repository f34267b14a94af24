import { z } from "zod";
import { listenSchema } from "./listen-schema.ts";
import { pathSchema } from "./secret-schema.ts";
import { object } from "./strict-object.ts";

/** The API over gRPC; left out, nothing of it is loaded. */
export const grpcSchema = object({
  listen: listenSchema.describe(
    "Address of the API over gRPC. The same as http.listen: one port for both, and gRPC is what speaks HTTP/2 there.",
  ),
  tls: object({
    certificate: pathSchema.describe("PEM file of the certificate and those between it and its root, its own first."),
    key: pathSchema.describe("PEM file of its private key, not encrypted."),
  })
    .optional()
    .describe("A pair of its own; http.tls when left out. Both files are read again when their content changes."),
  allowPlaintextOffLoopback: z
    .boolean()
    .default(false)
    .describe("Serve HTTP/2 in clear on an address that is not loopback, because TLS ends in front of Mayfly."),
  reflection: z
    .boolean()
    .default(true)
    .describe("Tell callers which services and messages there are, as grpcurl asks."),
  connectionIdleSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(75)
    .describe("A connection without a call is closed after this."),
  connectionAgeSeconds: z
    .int()
    .min(10)
    .max(86_400)
    .default(600)
    .describe(
      "A connection is closed after this, give or take a tenth, so that callers spread over the processes there are; calls " +
        "at work on it have 30 s more.",
    ),
})
  .optional()
  .describe("The API over gRPC, beside HTTP.");
