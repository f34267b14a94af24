import { keptRead, read } from "./operations.ts";
import { granted, grantedJson, LOG_REFUSALS } from "./responses.ts";
import type { ResponseObject } from "./responses.ts";

const inPath = (name: string, description: string, example: string): object => ({
  name,
  in: "path",
  required: true,
  description,
  example,
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

const LOG = inPath(
  "log",
  "What follows the host in the log's origin; may have slashes in it, which are not escaped. Left out with its own slash where " +
    "nothing follows.",
  "log",
);

/** A read of a log; what it answers with is in the standard that the description names. */
function logRead(path: string, response: ResponseObject, parameters: readonly object[] = []): object {
  const operation = read(`log/${path}`, "log", response);
  const responses = { ...operation.responses, ...LOG_REFUSALS };
  return { [`/{log}/${path}`]: { parameters: [LOG, ...parameters], ...keptRead({ ...operation, responses }) } };
}

const rfc6962 = (name: string, section: string, parameters: readonly object[] = []): object =>
  logRead(`ct/v1/${name}`, grantedJson(`RFC 6962 §${section}`, { type: "object" }), parameters);

/** The reads of the certificate transparency log, in outline: two standards say the rest. */
export const LOG_READS: object = {
  ...logRead("checkpoint", granted("C2SP tlog-checkpoint, signed", "text/plain")),
  ...logRead(
    "checkpoint.cosigned",
    granted("The newest checkpoint with the cosignatures of enough witnesses; 404 while there is none", "text/plain"),
  ),
  ...logRead("log.v3.json", grantedJson("What lists of logs say of this one", { type: "object" })),
  ...logRead(
    "tile/{level}/{index}",
    granted("C2SP static-ct-api: a tile of hashes or entries", "application/octet-stream"),
    [
      inPath("level", "Of hashes, 0 and up; `data` for entries.", "0"),
      inPath(
        "index",
        "Groups of three digits with slashes between, which are not escaped, all but the last behind an x; of a partial tile, `.p/` " +
          "and its width follow.",
        "000.p/1",
      ),
    ],
  ),
  ...logRead(
    "issuer/{sha256}",
    granted("C2SP static-ct-api: an issuer by the hash of its DER", "application/pkix-cert"),
    [inPath("sha256", "Lower-case hex.", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")],
  ),
  ...rfc6962("get-sth", "4.3"),
  ...rfc6962("get-sth-consistency", "4.4", [number("first"), number("second")]),
  ...rfc6962("get-proof-by-hash", "4.5", [inQuery("hash", "Leaf hash in base64."), number("tree_size")]),
  ...rfc6962("get-entries", "4.6", [number("start"), number("end")]),
  ...rfc6962("get-roots", "4.7"),
  ...rfc6962("get-entry-and-proof", "4.8", [number("leaf_index"), number("tree_size")]),
};
