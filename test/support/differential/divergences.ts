/** A value on one side: exactly this text, a text that matches, or none. */
export type Expected = string | RegExp | undefined;

/** How a field of an answer differs: what Fulcio says there, and what Mayfly says. */
export interface Change {
  /** Matches names of fields. */
  readonly field: RegExp;
  readonly fulcio: Expected;
  readonly mayfly: Expected;
}

export const TOKEN = "There was an error processing the identity token";
const PUBLIC_KEY = "The public key supplied in the request could not be parsed";
const CSR = "The certificate signing request could not be parsed";
const INSECURE = "The public key supplied in the request is insecure";
export const PROOF = /^The signature supplied in the request could not be verified/u;
const MALFORMED = "The request could not be parsed";
const NOT_JSON = "The content of the request is not plain JSON in UTF-8";
const TOO_LARGE = /^Received message larger than max \(size vs 131072\)$/u;
const NOT_PRINTABLE = /^header key \(one of two\) contains value with non-printable ASCII characters$/u;

export const change = (field: RegExp, fulcio: Expected, mayfly: Expected): Change => ({ field, fulcio, mayfly });
const header = (name: string, fulcio: Expected, mayfly: Expected): Change =>
  change(new RegExp(`^header ${name}$`, "u"), fulcio, mayfly);
export const message = (fulcio: Expected, mayfly: Expected): Change => change(/^body\.message$/u, fulcio, mayfly);

const GRANTED = /^20[01]$/u;
/** Fields that only an answer with content has: certificates, issuers. */
const CONTENT = /^body(?:$|\.(?!code|message|details))/u;

/** Answered by Fulcio and refused by Mayfly. */
export const refused = (text: Expected, status = "400", code = "3"): readonly Change[] => [
  change(/^status$/u, GRANTED, status),
  change(CONTENT, /[^]*/u, undefined),
  change(/^body\.code$/u, undefined, code),
  message(undefined, text),
  header("content-type", "application/pem-certificate-chain", "application/json"),
];

/** Refused by Fulcio and answered by Mayfly. */
export const answered = (text: Expected, status = "400", code = "3"): readonly Change[] => [
  change(/^status$/u, status, GRANTED),
  change(CONTENT, undefined, /[^]*/u),
  change(/^body\.code$/u, code, undefined),
  message(text, undefined),
  header("content-type", "application/json", "application/pem-certificate-chain"),
];

/**
 * Rows of `docs/divergences.md` by their first cells, and all that they change in an answer. Requests name the rows that
 * their answers differ by.
 */
export const DIVERGENCES: Readonly<Record<string, readonly Change[]>> = {
  // HTTP and JSON
  "body size": [
    ...refused("The request is too large", "413"),
    change(/^status$/u, "400", "413"),
    message(/^http: request body too large$|^The public key/u, "The request is too large"),
  ],
  "field sizes": [
    ...refused(CSR),
    message(undefined, PUBLIC_KEY),
    message(PROOF, MALFORMED),
    message(TOKEN, MALFORMED),
    message(TOKEN, PUBLIC_KEY),
    message(TOKEN, CSR),
  ],
  "Content-Type": refused(NOT_JSON, "415"),
  charset: refused(NOT_JSON, "415"),
  "Content-Encoding": refused(NOT_JSON, "415"),
  "empty body": [message(PUBLIC_KEY, MALFORMED), message(TOKEN, MALFORMED)],
  "bytes behind the JSON value": [...refused(MALFORMED), message(TOKEN, MALFORMED)],
  "duplicate members": [...refused(MALFORMED), message(TOKEN, MALFORMED)],
  "depth and members": [...refused(MALFORMED), message(TOKEN, MALFORMED)],
  base64: [...refused(MALFORMED), message(TOKEN, MALFORMED)],
  "control characters": [message(PUBLIC_KEY, MALFORMED), message(TOKEN, MALFORMED)],
  "scheme of Authorization": [...refused(TOKEN), ...answered(TOKEN)],
  "two Authorization fields": refused(TOKEN),
  "token with bytes that cannot be printed": [
    change(/^status$/u, "500", "400"),
    change(/^body\.code$/u, "13", "3"),
    message(NOT_PRINTABLE, TOKEN),
  ],
  "`Grpc-Metadata-*`, `Grpc-Timeout`, `X-HTTP-Method-Override`": [
    ...answered(TOKEN),
    message("invalid grpc-timeout: nonsense", undefined),
  ],
  "leading slashes": answered("Not Found", "404", "5"),
  "escapes in paths": [
    ...refused("Not Found", "404", "5"),
    change(/^status$/u, "400", "404"),
    header("content-type", "text/plain; charset=utf-8", "application/json"),
  ],
  "`Allow`": [header("allow", undefined, /^(?:GET|POST)$/u)],
  "form POST to a GET path": [...refused("Method Not Allowed", "501", "12"), header("allow", undefined, "GET")],
  "request target and header": [
    ...refused("The header fields of the request are too large", "431"),
    change(/^status$/u, GRANTED, "400"),
    message(undefined, MALFORMED),
  ],
  "`Expect`": [
    change(/^body\.code$/u, undefined, "3"),
    message(undefined, "The expectation of the request cannot be met"),
    header("content-type", undefined, "application/json"),
  ],
  "request identifier": [header("x-request-id", undefined, /^[\x21-\x7e]+$/u)],
  CORS: [
    header("access-control-allow-origin", undefined, "*"),
    header("access-control-allow-methods", /^(?:POST)?$/u, "GET, HEAD, POST"),
    header("access-control-allow-methods", undefined, "GET, HEAD, POST"),
    header(
      "access-control-allow-headers",
      /^content-type$/u,
      "accept, authorization, content-type, x-request-id, x-requested-with",
    ),
    header(
      "access-control-allow-headers",
      undefined,
      "accept, authorization, content-type, x-request-id, x-requested-with",
    ),
    header("access-control-expose-headers", undefined, "ETag, Retry-After, X-Request-Id"),
    header("access-control-max-age", undefined, "600"),
    header("vary", /^Origin(?:, Access-Control-Request-Method, Access-Control-Request-Headers)?$/u, undefined),
  ],
  caching: [
    header("cache-control", undefined, /^(?:no-store|public, max-age=60)$/u),
    header("x-content-type-options", undefined, "nosniff"),
  ],

  // Errors
  "`details`": [
    change(
      /^body\.details$/u,
      /^(?:\[\])?$/u,
      /^\[\{"@type":"type\.googleapis\.com\/google\.rpc\.ErrorInfo","reason":"[A-Z0-9_]+","domain":"mayfly"\}\]$/u,
    ),
    // An answer that Fulcio refuses without words, or does not refuse.
    change(/^body\.details$/u, undefined, /"domain":"mayfly"/u),
    change(/^body\.details$/u, "[]", undefined),
  ],
  "text of a malformed request": [
    message(/^proto:|^unexpected EOF$|^invalid character|^illegal base64 data/u, MALFORMED),
  ],
  "a proof that does not verify": [
    message(
      "The signature supplied in the request could not be verified",
      /^The signature supplied in the request could not be verified: it must be over the (?:e-mail address of the token \(claim email\)|(?:URI that is the )?subject of the token \(claim sub\)(?:, not over the URI that the certificate names)?)$/u,
    ),
  ],
  "claims unfit for a certificate": [
    message(PROOF, TOKEN),
    message(/^template: |^value <|^parse "|^x509: ".*" cannot be encoded as an IA5String$/u, TOKEN),
  ],
  "order of key checks": [message(PROOF, /^unrecognized signature algorithm: /u)],

  // gRPC
  "header fields of answers": [
    header("content-type", "application/grpc", "application/grpc+proto"),
    header("grpc-accept-encoding", undefined, "identity"),
    header("x-http-code", "201", undefined),
  ],
  "metadata `authorization`": [...answered(TOKEN), ...refused(TOKEN)],
  "size of a message": [
    ...refused(TOO_LARGE, "400", "8"),
    change(/^body\.code$/u, "3", "8"),
    message(PUBLIC_KEY, TOO_LARGE),
    message(/^grpc: received message larger than max \(size vs\. 4194304\)$/u, TOO_LARGE),
  ],
  "fields of another wire type": refused(PUBLIC_KEY),
  "unknown methods": [
    message(/^unknown (?:method \w+ for )?service [\w./]+$|^malformed method name: /u, "unknown service or method"),
  ],
  "health of a service": refused("Not Found", "404", "5"),
  "message that cannot be read": [
    change(/^body\.code$/u, "13", "3"),
    message(/^grpc: error unmarshalling request: /u, MALFORMED),
  ],

  // Tokens
  size: refused(TOKEN),
  base64url: refused(TOKEN),
  "white space": refused(TOKEN),
  "claim and header names": [...refused(TOKEN), ...answered(TOKEN)],
  "header members": refused(TOKEN),
  "`typ`": refused(TOKEN),
  "`exp`": refused(TOKEN),
  "`iat`": refused(TOKEN),
  lifetime: refused(TOKEN),
  "`nbf`": refused(TOKEN),
  "`sub`": refused(TOKEN),
  "`email_verified`": refused(TOKEN),
  "`aud`": refused(TOKEN),
  "distributed claims": answered(TOKEN),

  // Identities
  "email address": [...refused(TOKEN), message(/^x509: ".*" cannot be encoded as an IA5String$/u, TOKEN)],
  "CI: defaults": refused(TOKEN),
  "CI: type of claims": refused(TOKEN),
  length: refused(TOKEN),
  "CI: path of names": refused(TOKEN),
  "CI: escapes": [message(/^parse "/u, TOKEN)],

  // Keys and proofs
  PEM: [...refused(PUBLIC_KEY), message(PROOF, PUBLIC_KEY)],
  "PEM of a CSR": refused(CSR),
  "encoding of a key": [message(PROOF, PUBLIC_KEY)],
  "encoding of a CSR": [...refused(CSR), message(PROOF, CSR)],
  "key of another kind": [message(PUBLIC_KEY, INSECURE)],
  "key in a CSR": [message(CSR, PUBLIC_KEY), message(CSR, INSECURE)],
  RSA: [message(PROOF, INSECURE)],
  Ed25519: [message(PROOF, INSECURE)],
  "raw r‖s": refused(PROOF),
};

/** Rows that change every answer over HTTP, or every refusal, or all of one kind; requests do not name them. */
export const EVERYWHERE: readonly string[] = [
  "`details`",
  "CORS",
  "caching",
  "request identifier",
  "header fields of answers",
  "a proof that does not verify",
];

/** Rows that may change any certificate: the names of its parts, and what stands there. */
export const CERTIFICATE_DIVERGENCES: Readonly<Record<string, readonly Change[]>> = {
  "CI: numbers": [change(/^extension /u, /\/1\.0264829105e\+10\//u, /\/10264829105\//u)],
  validity: [change(/^lifetime$/u, "601", "600")],
  "SCT extensions": [change(/^SCT extensions$/u, "", /^[^]{8}$/u)],
};
