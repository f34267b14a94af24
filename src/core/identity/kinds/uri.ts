import { HIDDEN_SEPARATOR } from "../certificate-uri.ts";
import { MayflyError } from "../../errors.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { UriRules } from "../issuer.ts";
import type { Principal } from "../principal.ts";

/** `path-abempty [ "?" query ]` of RFC 3986 §3: what may follow scheme and authority in an absolute URI (§4.3). */
const PATH_AND_QUERY =
  /^(?<path>(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$/u;

/**
 * A subject that is a URI: it names the certificate as it stands and is the challenge. It must begin with the configured
 * scheme, host and port byte for byte, so there is no user information, other port, other spelling of the host or host below it;
 * what follows is a path in which no two readers see different segments, and perhaps a query.
 *
 * @throws MayflyError SAN_NOT_PERMITTED
 */
export function deriveUriPrincipal(token: VerifiedIdToken, { subjectDomain }: UriRules): Principal {
  const { subject } = token;
  if (!subject.startsWith(subjectDomain)) refuse("is no URI of the issuer's subject domain");
  const path = PATH_AND_QUERY.exec(subject.slice(subjectDomain.length))?.groups?.["path"];
  if (path === undefined) refuse("is no absolute URI below the issuer's subject domain");
  if (HIDDEN_SEPARATOR.test(path) || hasOddSegment(path)) refuse("has segments that readers understand differently");
  return {
    challenge: subject,
    challengeClaim: "sub",
    subjectAltName: { kind: "uri", value: subject },
    extensions: { issuer: token.issuer.url, tokenSubject: subject },
  };
}

/** Whether a path has a segment `.` or `..`, or an empty one before the last. */
function hasOddSegment(path: string): boolean {
  const segments = path.split("/").slice(1);
  return segments.some(
    (segment, index) => segment === "." || segment === ".." || (segment === "" && index < segments.length - 1),
  );
}

function refuse(why: string): never {
  throw new MayflyError("SAN_NOT_PERMITTED", `the sub claim ${why}`);
}
