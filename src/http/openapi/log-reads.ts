import { granted, grantedJson, REFUSALS } from "./responses.ts";
import type { ResponseObject } from "./responses.ts";

const inPath = (name: string, description: string): object => ({
  name,
  in: "path",
  required: true,
  description,
  schema: { type: "string" },
});
const inQuery = (name: string, description: string, schema: object = { type: "string" }): object => ({
  name,
  in: "query",
  required: true,
  description,
  schema,
});
const number = (name: string): object => inQuery(name, "In decimal.", { type: "integer", minimum: 0 });

const LOG = inPath("log", "What follows the host in the log's origin; may have more slashes in it.");

/** A read of a log; what it answers with is in the standard that the description names. */
const read = (path: string, response: ResponseObject, parameters: readonly object[] = []): object => ({
  [`/{log}/${path}`]: {
    parameters: [LOG],
    get: {
      operationId: `log/${path}`,
      tags: ["log"],
      summary: response["description"],
      parameters,
      responses: { "200": response, ...REFUSALS },
    },
  },
});

const rfc6962 = (name: string, section: string, parameters: readonly object[] = []): object =>
  read(`ct/v1/${name}`, grantedJson(`RFC 6962 §${section}`, { type: "object" }), parameters);

/** The reads of the certificate transparency log, in outline: two standards say the rest. */
export const LOG_READS: object = {
  ...read("checkpoint", granted("C2SP tlog-checkpoint, signed", "text/plain")),
  ...read("log.v3.json", grantedJson("What lists of logs say of this one", { type: "object" })),
  ...read("issuer/{sha256}", granted("C2SP static-ct-api: an issuer by the hash of its DER", "application/pkix-cert"), [
    inPath("sha256", "Lower-case hex."),
  ]),
  ...rfc6962("get-sth", "4.3"),
  ...rfc6962("get-sth-consistency", "4.4", [number("first"), number("second")]),
  ...rfc6962("get-proof-by-hash", "4.5", [inQuery("hash", "Leaf hash in base64."), number("tree_size")]),
  ...rfc6962("get-entries", "4.6", [number("start"), number("end")]),
  ...rfc6962("get-roots", "4.7"),
  ...rfc6962("get-entry-and-proof", "4.8", [number("leaf_index"), number("tree_size")]),
};
