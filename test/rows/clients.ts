import type { Row } from "./row.ts";

/**
 * What Sigstore's clients must find so that they work as they are; `docs/client-rules.md` says which of them needs it, and names
 * the tests.
 */
// prettier-ignore
export const clientRows: readonly Row[] = [
  { id: "CL1", says: "`POST /api/v2/signingCert` answers exactly 200, in JSON" },
  { id: "CL2", says: "`POST /api/v1/signingCert` answers exactly 201, `application/pem-certificate-chain`: leaf first, root last, one newline between; no `SCT` header field" },
  { id: "CL3", says: "gRPC has `dev.sigstore.fulcio.v2.CA`: with TLS or in clear, on a port of its own or on that of HTTP" },
  { id: "CL4", says: "the token is in the body or in `Authorization: Bearer`; a message without `credentials` is a normal one" },
  { id: "CL5", says: "`Accept` changes nothing" },
  { id: "CL6", says: "names of members are in camelCase or as in the `.proto` file; unknown members and unknown names of algorithms are ignored, and no algorithm has to be named" },
  { id: "CL7", says: "a key is PEM with LF, with CRLF or with its base64 in one line, with or without the last newline; in version 1 in base64, and there also DER" },
  { id: "CL8", says: "a certification request may have an empty subject, an e-mail address in it as IA5String or UTF8String, or nonsense, and ask to be CA or not; nothing of it but its key is in the certificate" },
  { id: "CL9", says: "a proof signs exactly the text that names the principal, the e-mail address or the subject of the token, with the digest that goes with the key" },
  { id: "CL10", says: "the JSON answer has one top-level member, `signedCertificateEmbeddedSct`" },
  { id: "CL11", says: "the answer has the leaf, then its issuers, the root last: two certificates at least, one PEM per string" },
  { id: "CL12", says: "a leaf has exactly one SCT, of a P-256 key: hash byte 4, signature byte 3" },
  { id: "CL13", says: "leaves are DER; without its SCT list a leaf's TBS is the precertificate's without its poison" },
  { id: "CL14", says: "what follows the leaf is, byte for byte and in the same order, the chain of one authority of the trusted root" },
  { id: "CL15", says: "the root is self-signed and the last of the answer's chain and of the trusted root's" },
  { id: "CL16", says: "CA keys are ECDSA on a NIST curve, or RSA from 2048 bits; none is Ed25519" },
  { id: "CL17", says: "CA certificates have critical basicConstraints with CA:TRUE, critical keyUsage with keyCertSign, a subjectKeyIdentifier, below the root an authorityKeyIdentifier, and the issuing one extKeyUsage codeSigning" },
  { id: "CL18", says: "no two certificates of the chain have the same CN, and none an empty one" },
  { id: "CL19", says: "a leaf has no subject, one name in a critical subjectAltName, critical keyUsage digitalSignature alone, extKeyUsage codeSigning, both key identifiers, and is no CA" },
  { id: "CL20", says: "both issuer extensions say the same: `.1.1` as raw bytes, `.1.8` as a DER UTF8String" },
  { id: "CL21", says: "a signing call waits for no interval: the entry of a lone caller is committed at once; what hangs is told with 503, at the latest after 10 s" },
  { id: "CL22", says: "errors are JSON with `code`, `message` and `details`: 4xx for what the caller can mend, but 501 for a method that the path has not, and 429 for rates alone" },
  { id: "CL23", says: "a request may come again, with the same key and proof" },
  { id: "CL24", says: "leading slashes count as one, and the trust files name a bare origin: no path, no final slash" },
  { id: "CL25", says: "notBefore is not later than the SCT's time, and so than any timestamp made after the answer by a clock that agrees; `ca.backdateSeconds` moves it back for clocks that do not" },
  { id: "CL26", says: "`trustBundle`, `configuration` and `rootCert` are there for people and scripts; no signing call needs them" },
  { id: "CL27", says: "the trusted root and SCTs call a log by the SHA-256 of its DER key, and the trusted root gives it no `checkpointKeyId`" },
  { id: "CL28", says: "CA and log are trusted from before the first certificate on, the first log no later than the CA; of other authorities and services the time is given too" },
  { id: "CL29", says: "the SCT carries the entry's index in its extensions, over which its signature is" },
  { id: "CL30", says: "the SCT is always in the certificate, never beside it, and never missing" },
];
