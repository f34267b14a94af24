import type { Row } from "./row.ts";

/** Times depend on the machine: they are measured, and no test asserts them. */
const MEASURED = "no test asserts a time; operators watch";

/** TLS and HTTP/1. */
const http: readonly Row[] = [
  { id: "A1", says: "a header block above 32 KiB, one field above 24 KiB: 431, close" },
  { id: "A2", says: "more than 64 header fields: 431, close" },
  { id: "A3", says: "Content-Length beside Transfer-Encoding, or twice; an unknown transfer coding: 400, close" },
  { id: "A4", says: "bare LF, folded line, control byte in a field, space before the colon: 400, close" },
  { id: "A5", says: "no Host, two Host fields: 400" },
  { id: "A6", says: "absolute-form target, CONNECT, TRACE, OPTIONS *: refused, never proxied" },
  { id: "A7", says: "two Authorization fields: 400, the token's text; nothing is fetched" },
  {
    id: "A8",
    says: "Basic, DPoP, empty, Bearer alone, two spaces, tab: 400, the token's text; any case of bearer is taken",
  },
  { id: "A9", says: "Authorization without a scheme: 400, the token's text" },
  { id: "A10", says: "a token in the body and another in the header: the body's alone is judged" },
  { id: "A11", says: "a token in query, cookie or form: not taken; the query is in no log" },
  { id: "A12", says: "a content type other than JSON: 415; none counts as JSON" },
  { id: "A13", says: "charset utf-16 or iso-8859-1: 415" },
  { id: "A14", says: "any content coding: 415 before a byte is inflated" },
  { id: "A15", says: "Content-Length above 128 KiB: 413, the body unread, close" },
  { id: "A16", says: "a chunked body that crosses the cap, endless chunk extensions: 413, close" },
  { id: "A17", says: "a body a byte at a time: 408 in 15 s, close" },
  { id: "A18", says: "a header a byte at a time, on 2,000 sockets: 408 in 10 s; others are served meanwhile" },
  { id: "A18b", says: "for those others 99 % of answers within 1 s", appliesNot: `${MEASURED} fulcio_api_latency` },
  { id: "A19", says: "a connection that sends nothing: closed in 10 s" },
  { id: "A20", says: "an idle kept connection: closed in 75 s; at most 1,000 requests on one" },
  { id: "A21", says: "500 pipelined requests: answered in order, one at a time" },
  { id: "A22", says: "unknown path, other case, final slash, escapes: 404 in JSON; leading slashes count as one" },
  { id: "A23", says: "a wrong method on a known path: 501, code 12, Allow" },
  { id: "A24", says: "method override and X-Forwarded-* from anyone: ignored" },
  { id: "A25", says: "X-Request-ID above 128 characters, with CR, LF, ESC or beyond ASCII: replaced or refused" },
  { id: "A26", says: "a preflight, also of Origin null: 204, any origin, never credentials" },
  { id: "A27", says: "Accept of anything else: JSON as always" },
  { id: "A28", says: "the preface of HTTP/2: 400; an upgrade to h2c: served as HTTP/1.1" },
  { id: "A29", says: "100-continue for too long a body: 413 without 100; another expectation: 417" },
  {
    id: "A30",
    says: "TLS 1.0 and 1.1, garbage, a handshake half done, plain text to the TLS port: closed and counted",
  },
  {
    id: "A31",
    says: "a handler that throws or rejects, an answer that cannot be encoded: masked 500, the process lives",
  },
  {
    id: "A32",
    says: "a caller that goes away: work stops at the next stage, nothing is signed after it, counted as canceled",
  },
];

/** JSON and protobuf bodies. */
const bodies: readonly Row[] = [
  { id: "B1", says: "an empty body, white space, null, a list, a text, a number: 400" },
  { id: "B2", says: "malformed JSON, trailing bytes, two objects: 400" },
  { id: "B3", says: "byte order mark, UTF-16, invalid UTF-8, half a surrogate pair: 400" },
  { id: "B4", says: "a member twice, also by escape, at any depth: 400" },
  { id: "B5", says: "one field under both of its names: 400" },
  { id: "B6", says: "a public key and a certification request together: 400" },
  { id: "B6b", says: "the two together as protobuf: the last one counts" },
  { id: "B7", says: "neither of them: 400, the key's text" },
  { id: "B8", says: "unknown members: ignored" },
  { id: "B9", says: "members named __proto__, constructor, toString: ignored, no prototype is changed" },
  { id: "B10", says: "nesting above 32, 100,000 deep: 400" },
  { id: "B11", says: "an object for a text, a list for an object, a number for a text: 400" },
  { id: "B12", says: "bytes in standard, URL-safe and unpadded base64: taken" },
  { id: "B13", says: "bytes with spaces, foreign characters or a length that cannot be: 400" },
  { id: "B14", says: "a proof above 2 KiB, a key above 8 KiB, a request above 16 KiB: 400" },
  { id: "B15", says: "an unknown algorithm, in small letters, as a number, other than the key: ignored" },
  { id: "B16", says: "NUL or control characters in a text field: 400, and in no log" },
  { id: "B17", says: "10,000 members: 400, at once" },
  {
    id: "B18",
    says: "a v1 request without signedEmailAddress: 400, the proof's text; with an empty content: 400, the key's",
  },
  { id: "B19", says: "v1 success: 201, a PEM chain, the SCT field only when detached" },
  { id: "B20", says: "a body shorter than its Content-Length: 400, nothing of it is processed" },
  {
    id: "B21",
    says: "protobuf with a truncated varint, wrong wire type, length past its end, field 0, unmatched group: code 3 or 13",
  },
  { id: "B22", says: "a protobuf string with invalid UTF-8: code 3" },
  { id: "B23", says: "120 KiB of unknown protobuf fields, nested groups: ignored without recursion" },
];

/** gRPC and HTTP/2. */
const grpc: readonly Row[] = [
  { id: "C1", says: "a message above 128 KiB: code 8" },
  { id: "C2", says: "a compressed message, whatever it would grow to: code 12, nothing is inflated" },
  { id: "C3", says: "an unknown grpc-encoding: code 12" },
  { id: "C4", says: "metadata above 64 KiB: the stream is reset" },
  { id: "C5", says: "an unknown method: code 12; a path without its slash: the stream is reset" },
  { id: "C6", says: "a deadline that has passed or has 1 ms left: code 4, no stage starts" },
  { id: "C7", says: "a cancel after the precertificate is logged: code 1, no final signature" },
  { id: "C8", says: "rapid reset: the connection is closed, others live" },
  {
    id: "C9",
    says: "floods of CONTINUATION, SETTINGS, PING, empty DATA, a window above its greatest: closed, memory freed",
  },
  { id: "C10", says: "more than 100 streams at once are not served" },
  { id: "C11", says: "a connection held forever: GOAWAY at 10 min ± 10 %, 30 s of grace" },
  { id: "C12", says: "binary metadata with bad base64: code 3 or 13" },
  { id: "C13", says: "health: code 5 for an unknown service; code 12 for Watch and List" },
  { id: "C14", says: "server reflection: answered, and code 12 where it is switched off" },
  { id: "C15", says: "no token in the message and two in the metadata: code 3, the token's text" },
  { id: "C16", says: "HTTP/1.1 to the port of gRPC: 404; what is no HTTP: 400" },
];

/** The structure of tokens; nothing is fetched for any of them. */
const structure: readonly Row[] = [
  { id: "D1", says: "0, 1, 3, 4 or 100,000 dots: 400, the token's text" },
  { id: "D2", says: "a token above 16 KiB, a header above 4 KiB, more than 200 claims, depth above 8: 400" },
  { id: "D3", says: "a byte outside base64url and the dot: 400" },
  { id: "D4", says: "bits left over in the last character of a part: 400" },
  { id: "D5", says: "an empty header, payload or signature: 400" },
  { id: "D6", says: "a part that is no object, has a byte order mark, invalid UTF-8 or UTF-16: 400" },
  { id: "D7", says: "a member twice in header or payload, also by escape: 400" },
  { id: "D8", says: "JSON serialisation, JWE, SD-JWT, a token in a token: 400" },
  { id: "D9", says: "zip, enc, p2c or epk in the header: 400" },
  { id: "D10", says: "claims named __proto__, constructor, hasOwnProperty: data and nothing else" },
  { id: "D11", says: "400 digits, 1e400, -0: ignored in unused claims, refused in used ones" },
  { id: "D12", says: "another spelling of a token that was taken: judged by itself, and refused" },
];

/** Header, algorithm and choice of the key. */
const algorithms: readonly Row[] = [
  { id: "E1", says: "alg none in any case, empty, missing, a list, a number: 400, nothing is fetched" },
  { id: "E2", says: "HS256, HS384, HS512 made with the issuer's public key: 400, nothing is fetched" },
  { id: "E3", says: "an algorithm that is not permitted, or that the issuer does not announce: 400" },
  { id: "E4", says: "an algorithm other than the key's, or than the signature's: 400" },
  { id: "E5", says: "no kid: every fitting key is tried, at most 10" },
  { id: "E6", says: "a kid that is no text, too long, a path, SQL, a URL or has NUL: compared, never used: 400" },
  { id: "E7", says: "10,000 tokens with invented kids: one more fetch in 30 s" },
  { id: "E8", says: "jku, x5u, jwk, x5c in the header: never fetched, never a key" },
  { id: "E9", says: "crit of any kind: 400" },
  { id: "E10", says: "b64, with crit or without: 400" },
  { id: "E11", says: "a typ other than JWT: 400; none counts as JWT" },
  { id: "E11b", says: "an issuer's own list of what typ may be" },
  { id: "E12", says: "an ECDSA signature in DER, of wrong length, with r or s of zero or above the order: 400" },
  { id: "E13", says: "an RSA signature shorter or longer than the modulus, or all zero: 400" },
  { id: "E14", says: "a signature by a key of another issuer: 400" },
  { id: "E15", says: "any bit of a token flipped: 400" },
];

/** Claims, audience and time. */
const claims: readonly Row[] = [
  { id: "F1", says: "iss missing, empty, a list, a number, above 2 KiB, with control characters: 400, in no log" },
  { id: "F2", says: "an iss that is not configured: 400, nothing is fetched" },
  { id: "F3", says: "an iss that only resembles the configured one: 400, nothing is fetched" },
  { id: "F4", says: "an iss without its scheme: 400, nothing is fetched; none can be configured" },
  { id: "F5", says: "aud missing, null, empty, a number, nested, with a number, above 20: 400" },
  { id: "F6", says: "aud in other case, a prefix, a suffix, with spaces: 400" },
  { id: "F7", says: "ours among other audiences: taken" },
  { id: "F7b", says: "ours among others where the issuer's strictAudience is on: 400" },
  { id: "F8", says: "azp of another client: ignored" },
  { id: "F8b", says: "azp of another client where the issuer's requireAzp is on: 400" },
  { id: "F9", says: "exp missing, null, a text, a boolean, NaN, infinite, 0, negative: 400" },
  { id: "F10", says: "exp now, a second ago, in a second: refused, refused, taken" },
  { id: "F11", says: "a lifetime above 24 h: 400" },
  { id: "F11b", says: "another greatest lifetime of an issuer's own" },
  { id: "F12", says: "nbf 60 s and 61 s ahead: taken, refused" },
  { id: "F12b", says: "another leeway than 60 s, up to 300 s, as configured" },
  { id: "F13", says: "iat missing, 61 s ahead, after exp: 400" },
  { id: "F14", says: "times with fractions: compared as real numbers" },
  { id: "F15", says: "sub, or the address where that is the challenge, missing, empty, no text, above 1 KiB: 400" },
  {
    id: "F15b",
    says: "the same of a challenge claim that is configured",
    appliesNot: "none is configured: the kind of identity decides which claim is the challenge (FC128)",
  },
  { id: "F16", says: "sub with NUL, newline, a bidi override, half a surrogate pair: 400, in no log" },
  {
    id: "F17",
    says: "an issuer claim that is missing, empty, an object, a list or a number: 400",
  },
  { id: "F18", says: "distributed claims with a URL: ignored, never fetched" },
  { id: "F19", says: "nonce, at_hash, cnf and unknown claims: ignored" },
  { id: "F20", says: "one token 20 times at once: 20 certificates, 20 serial numbers" },
  {
    id: "F20b",
    says: "the same where the issuer's tokens are for one use (jti): one certificate, 19 refusals",
  },
  { id: "F21", says: "a token for another audience of the same issuer: 400" },
  { id: "F22", says: "a claim above 1 KiB, claims above 8 KiB together: 400, no signature" },
];

/** From identity to the name in the certificate. */
const names: readonly Row[] = [
  { id: "G1", says: "email missing, empty, no text: 400" },
  { id: "G2", says: "email_verified true: taken; as a text, in a capital: only where the issuer is marked for it" },
  { id: "G3", says: "any other email_verified: 400; without one only where the issuer is told so" },
  { id: "G4", says: "an address that is no dot-atom at a host name: 400" },
  { id: "G5", says: "a local part above 64, a label above 63, a domain above 253, an address above 254: 400" },
  { id: "G6", says: "an address with letters beyond ASCII: 400, never folded" },
  { id: "G7", says: "a domain with an A-label: taken byte for byte" },
  { id: "G8", says: "an address with NUL, CR, LF, a separator, a scheme, an encoded word: 400" },
  { id: "G9", says: "capitals: kept in name and challenge" },
  {
    id: "G10",
    says: "a uri of another host, scheme or port, or that two readers read differently: 400",
  },
  {
    id: "G11",
    says: "a uri with spaces, control or non-ASCII characters, dot segments, none, an address for one: 400",
  },
  {
    id: "G12",
    says: "a user name with !, an address, empty, invisible characters, not in NFC: 400",
  },
  {
    id: "G13",
    says: "a SPIFFE id of another trust domain, its parent or child, with anything but a plain path, above 2,048 bytes: 400",
  },
  { id: "G14", says: "a Kubernetes claim that is no object, or has no DNS-1123 names: 400" },
  { id: "G15", says: "a Kubernetes sub that is not the one of its claims: 400" },
  { id: "G16", says: "a CI claim that is missing: 400, its name and not a value; no signature" },
  { id: "G17", says: "a CI claim that looks like a template: inserted as it is" },
  { id: "G18", says: "a CI claim named like a setting (url): does not change the host" },
  {
    id: "G18b",
    says: "templates: a claim wins over a default of its name that is plain text; over one that is a URL or a host: 400",
  },
  { id: "G19", says: "a CI claim that would leave its part of the URI: 400, no signature" },
  { id: "G20", says: "a CI claim that is null, an object or a list: 400" },
  { id: "G21", says: "CI integers, floats and booleans: written without exponent" },
  { id: "G22", says: "< > & and quotes in CI claims: not escaped" },
  { id: "G23", says: "a CI name that is empty, white space, relative or above 2 KiB: 400" },
  {
    id: "G24",
    says: "CI extensions of 1 KiB each: no token holds them; those it holds are refused above 8 KiB together",
  },
  { id: "G25", says: "values of 127, 128, 255, 256 bytes and the greatest: read back alike by two parsers" },
  { id: "G26", says: "NUL or other control characters in a raw-byte extension: 400, no signature" },
  { id: "G27", says: "claims that ask for another name, subject, usage or a CA: change nothing" },
];

/** Discovery. */
const discovery: readonly Row[] = [
  { id: "H1", says: "another issuer in the document: 503, remembered" },
  { id: "H1b", says: "the same of an issuer that a wildcard matched: 400, the token's text" },
  { id: "H2", says: "a jwks_uri that is missing, relative, http, a file, with user or fragment or odd port: 503" },
  { id: "H2b", says: "the same of an issuer that a wildcard matched: 400, the token's text" },
  { id: "H3", says: "a jwks_uri on another host: allowed for a configured issuer" },
  {
    id: "H3b",
    says: "the same of an issuer that a wildcard matched: refused unless in its jwksHosts",
  },
  { id: "H4", says: "a redirect anywhere: refused, its target is never connected to" },
  { id: "H5", says: "a host that resolves to an address that is not public: refused unless allowed" },
  { id: "H5b", says: "the same of an issuer that a wildcard matched: refused, whatever is allowed" },
  { id: "H6", says: "one private address among others, or another one at the second lookup: the vetted one or none" },
  { id: "H7", says: "an address literal in any spelling: refused when not public" },
  { id: "H7b", says: "any address literal that a wildcard matched: refused" },
  { id: "H8", says: "a document that is too long, endless, slow, inflated, of another type: 503, cut off" },
  { id: "H9", says: "any status but 200: 503, asked again later and later" },
  { id: "H10", says: "TLS that is expired, of another name, self-signed, by another CA, too old: 503" },
  { id: "H11", says: "1,000 first requests: one fetch of each document, 256 wait, the rest 503" },
  { id: "H12", says: "an issuer that is down: others are served, and it is asked once in each wait" },
  {
    id: "H12b",
    says: "for those others 99 % of answers as fast as before",
    appliesNot: `${MEASURED} fulcio_api_latency`,
  },
  { id: "H13", says: "the cluster's token: never sent to another host" },
  { id: "H14", says: "a member twice; none and HS256 among the algorithms: refused; ignored" },
];

/** Bad inputs, groups A to H. */
export const securityRowsAToH: readonly Row[] = [
  ...http,
  ...bodies,
  ...grpc,
  ...structure,
  ...algorithms,
  ...claims,
  ...names,
  ...discovery,
];
