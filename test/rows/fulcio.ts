import { fulcioIssuerRows } from "./fulcio-issuers.ts";
import type { Row } from "./row.ts";

const TOKEN = "400, code 3, There was an error processing the identity token";
const KEY = "400, code 3, The public key supplied in the request could not be parsed";
const INSECURE = "400, code 3, The public key supplied in the request is insecure";
const CSR = "400, code 3, The certificate signing request could not be parsed";
const PROOF = "400, code 3, The signature supplied in the request could not be verified";
const CA = "500, code 13, error communicating with CA backend";
const KMS = { waits: "KMS signers" } as const;

/** The conditions of Fulcio's error model in the order in which it evaluates them (`pkg/server/grpc_server.go`). */
const conditions: readonly Row[] = [
  { id: "FE1", says: `no good token, whatever its fault: ${TOKEN}; an issuer whose keys cannot be had: 503, code 14` },
  { id: "FE2", says: `a CSR that is not PEM, of another PEM type, or no PKCS#10: ${CSR}` },
  { id: "FE3", says: `a CSR for a weak or unsupported key: ${INSECURE}` },
  { id: "FE4", says: `a CSR whose self-signature does not verify: ${PROOF}` },
  { id: "FE5", says: "a CSR by an unknown signature algorithm: 400, code 3, unrecognized signature algorithm: <name>" },
  { id: "FE6", says: `no CSR and no key, an empty one or one that cannot be read: ${KEY}` },
  { id: "FE7", says: `a weak or unsupported key, whatever the proof: ${INSECURE}` },
  {
    id: "FE8",
    says: "a key without a default algorithm: 400, code 3, unsupported public key type",
    appliesNot: "every key that passes the check before has one; the others are refused there, as insecure (FE7)",
  },
  { id: "FE9", says: `a wrong or empty proof of possession: ${PROOF}` },
  {
    id: "FE10",
    says: "a key and digest that are not permitted: 400, code 3, signing algorithm not permitted: <type>, <hash>",
  },
  {
    id: "FE11",
    says: `the precertificate cannot be made: ${CA}; because of a claim: ${TOKEN}; outside the validity of the CA: 503, code 14`,
  },
  {
    id: "FE12",
    says: "the log fails: 500, code 13, Error entering certificate in CTL; cannot take work now: 503, code 14",
  },
  { id: "FE13", says: `the final certificate cannot be signed: ${CA}` },
  { id: "FE14", says: "a detached SCT cannot be written: 500, code 13", appliesNot: "SCTs are always embedded" },
  { id: "FE15", says: `the answer cannot be written: ${CA}` },
  {
    id: "FE16",
    says: "the trust bundle cannot be had: 500, code 13",
    appliesNot: "the chain is read and checked before the first listen, and nothing is asked for it afterwards",
  },
  {
    id: "FE17",
    says: "the configuration cannot be had: 500, code 13",
    appliesNot: "the configuration is a frozen value of the process from before the first listen",
  },
  { id: "FE18", says: `v1, neither CSR nor key: ${KEY}, before the token is looked at` },
  { id: "FE19", says: "a gRPC message above its limit: code 8" },
  { id: "FE20", says: `an error nobody foresaw: ${CA}, without its text, and the next request is served` },
];

/** Calls of the API from end to end (`pkg/server/grpc_server_test.go`). */
const api: readonly Row[] = [
  {
    id: "FC1",
    says: "GET trustBundle of a CA that fails: 500, code 13",
    appliesNot: "the chain is read and checked before the first listen, and nothing is asked for it afterwards",
  },
  { id: "FC2", says: "GET trustBundle: one chain, one PEM block a certificate, the root last" },
  {
    id: "FC3",
    says: "GET configuration of Fulcio's JSON file with all kinds and a wildcard: every issuer, audience, claim and domain",
  },
  {
    id: "FC4",
    says: "GET configuration of Fulcio's YAML file with eight issuers and a wildcard: as with JSON",
  },
  { id: "FC5", says: "e-mail token, P-256, proof over the address: a certificate for the address and nothing else" },
  { id: "FC6", says: "username token: otherName of user and domain and no e-mail address, proof over sub" },
  { id: "FC7", says: "SPIFFE token: URI" },
  { id: "FC8", says: "uri token: URI equal to sub" },
  { id: "FC9", says: "Kubernetes token of a wildcard issuer: URI built from claims" },
  { id: "FC10", says: "Buildkite token: URI of organization and pipeline" },
  {
    id: "FC11",
    says: "GitHub token outside any environment: URI of the workflow, extensions 2 to 6 raw, 9 to 22 UTF8String",
  },
  { id: "FC12", says: "GitHub token of an environment: the same and extension 23" },
  { id: "FC13", says: "GitLab token: URI keeps //.gitlab-ci.yml, extensions as mapped" },
  { id: "FC14", says: "Codefresh token: URI of pipeline, extensions as mapped" },
  { id: "FC15", says: "Chainguard token: URI of issuer and identity" },
  {
    id: "FC16",
    says: "issuer-claim: the claim's value stands in the issuer extension",
  },
  { id: "FC17", says: "RSA-2048 key, PKCS#1 v1.5 with SHA-256: issued" },
  { id: "FC18", says: "P-256 CSR with any subject: issued, nothing but the key is taken from it" },
  { id: "FC19", says: "RSA-2048 CSR: issued" },
  { id: "FC20", says: `RSA-1024 key with an empty proof: ${INSECURE}` },
  { id: "FC21", says: `neither key nor CSR: ${KEY}` },
  { id: "FC22", says: `an empty publicKeyRequest: ${KEY}` },
  { id: "FC23", says: `a proof by another key: ${PROOF}` },
  { id: "FC24", says: `a P-521 key whose proof uses SHA-256: ${PROOF}` },
  { id: "FC25", says: `the bytes "invalid" as CSR: ${CSR}` },
  { id: "FC26", says: `a CSR with its last signature byte changed: ${PROOF}` },
  { id: "FC27", says: "a P-521 CSR where that is not permitted: 400, code 3, signing algorithm not permitted" },
];

const tlsPair = (id: string, says: string): Row => ({ id, says: `TLS pair of the listener: ${says}` });

/** HTTP, TLS and the parts of the server (`cmd/app/*_test.go`, `pkg/server/*_test.go`). */
const server: readonly Row[] = [
  { id: "FC28", says: "GET trustBundle with Origin: 200 with Access-Control-Allow-Origin" },
  { id: "FC29", says: "GET trustBundle: no header field that starts with Grpc-" },
  { id: "FC30", says: "GET v1 rootCert while gRPC has TLS: 200" },
  { id: "FC31", says: "v1 rootCert over HTTP and v2 trustBundle over gRPC on one port: the same chain" },
  { id: "FC32", says: "metrics name the gRPC method" },
  { id: "FC33", says: "GET /healthz on the listener of the API: 200, SERVING" },
  { id: "FC34", says: "the client's transport replaces the Host", appliesNot: "a part of Fulcio's own Go client" },
  {
    id: "FC35",
    says: "serve has a flag ct-log-origin",
    appliesNot: "settings stand in one file, where log.origin is required",
  },
  tlsPair("FC36", "paths that lead nowhere: start refused, naming the file"),
  tlsPair("FC37", "neither certificate nor key can be read: start refused"),
  tlsPair("FC38", "the key cannot be read: start refused"),
  tlsPair("FC39", "the certificate cannot be read: start refused"),
  tlsPair("FC40", "a good pair serves; another one put in its place is served without a restart"),
  { id: "FC41", says: "a body up to the limit is read; a byte more: 413, code 3" },
  { id: "FC42", says: "a refusal of the external log: one log line that holds its body", waits: "external CT log" },
  { id: "FC43", says: "any other failure: one log line with reason and detail, and no body of anything" },
  { id: "FC44", says: "an issuer of an unknown kind: start refused, naming line and setting" },
  { id: "FC45", says: "a wildcard issuer: one issuer that carries the pattern" },
  { id: "FC46", says: "an e-mail issuer judges its tokens by the rules of e-mail" },
  { id: "FC47", says: "a GitHub Actions issuer judges its tokens by the rules of GitHub Actions" },
  { id: "FC48", says: "a SPIFFE issuer judges its tokens by the rules of SPIFFE" },
  { id: "FC49", says: "a Kubernetes issuer judges its tokens by the rules of Kubernetes" },
  { id: "FC50", says: "a uri issuer judges its tokens by the rules of uri" },
  { id: "FC51", says: "a username issuer judges its tokens by the rules of username" },
];

const proofOf = (id: string, key: string): Row => ({
  id,
  says: `${key}: a good proof is issued for; junk and a proof over another subject: ${PROOF}; no key: ${KEY}`,
});
const chain = (id: string, says: string): Row => ({ id, says: `CA chain at start: ${says}` });
const TINK = { appliesNot: "Tink keysets are not read: KMS, PKCS#11 and Mayfly's own files hold keys" };
const GOOGLE_CA = { appliesNot: "certificates of another CA's service cannot be in our log before they are signed" };
const GO_CLIENT = { appliesNot: "a part of Fulcio's own Go client" };

/** Keys, proofs and chains (`pkg/challenges`, `pkg/ca`, `pkg/ctl`, `pkg/certificate`). */
const cryptography: readonly Row[] = [
  proofOf("FC234", "P-256 with SHA-256"),
  proofOf("FC235", "P-384 with SHA-384"),
  proofOf("FC236", "P-521 with SHA-512"),
  proofOf("FC237", "RSA-2048 with SHA-256"),
  proofOf("FC238", "RSA-3072 with SHA-256"),
  proofOf("FC239", "RSA-4096 with SHA-256"),
  proofOf("FC240", "Ed25519"),
  { id: "FC241", says: "a key as PEM, in every layout that clients send: issued" },
  { id: "FC242", says: "a key as DER: issued" },
  { id: "FC243", says: `an empty key: ${KEY}` },
  { id: "FC244", says: `a private key as PEM: ${KEY}` },
  { id: "FC245", says: "any principal: 10 minutes, keyUsage and extKeyUsage exactly, the name in a critical SAN" },
  chain("FC246", "issuing CA and root: accepted"),
  chain("FC247", "a root that signs leaves itself: accepted"),
  chain("FC248", "two CAs below the root: accepted, and answered in full"),
  chain("FC249", "a leaf in the CA's place: refused"),
  chain("FC250", "an issuing CA without extKeyUsage codeSigning: refused"),
  chain("FC251", "a root that has nothing to do with it: refused"),
  chain("FC252", "a root of the same name that did not sign it: refused"),
  chain("FC253", "a P-224 issuing CA: refused"),
  chain("FC254", "an empty file: refused"),
  { id: "FC255", says: "GET trustBundle keeps the order of the chain file" },
  {
    id: "FC256",
    says: "the precertificate in the log verifies nowhere (critical poison); the certificate does, and has an SCT",
  },
  { id: "FC257", says: "the chain's PEM comes back block by block without final newlines, else byte for byte" },
  { id: "FC258", says: "the leaf's DER comes back as one PEM block that encodes to itself" },
  { id: "FC259", says: "a leaf that cannot be read", appliesNot: "the leaf is what we wrote and compared ourselves" },
  { id: "FC260", says: "a chain file that is no PEM: start refused" },
  {
    id: "FC261",
    says: "two holders of key and chain",
    appliesNot: "the chain is a frozen value; there is no lock to test",
  },
  { id: "FC262", says: "a development CA with its key in memory: root of 10 years, keyCertSign and cRLSign" },
  { id: "FC263", says: "KMS key and its chain: accepted", ...KMS },
  { id: "FC264", says: "KMS key of another chain: refused, ecdsa public keys are not equal", ...KMS },
  { id: "FC265", says: "KMS key with a foreign root: refused", ...KMS },
  { id: "FC266", says: "Tink keyset and its chain: accepted", ...TINK },
  { id: "FC267", says: "Tink keyset of another chain: refused", ...TINK },
  { id: "FC268", says: "Tink keyset with a bad chain: refused", ...TINK },
  { id: "FC269", says: "Tink keyset under another key: refused", ...TINK },
  { id: "FC270", says: "key file with an ECDSA key: served" },
  { id: "FC271", says: "key file with an Ed25519 key: refused, naming what a CA key may be" },
  { id: "FC272", says: "key file with an RSA-4096 key: served" },
  { id: "FC273", says: "key file as OpenSSL encrypts it (PBES2): served" },
  { id: "FC274", says: "key file with a chain of two: served" },
  { id: "FC275", says: "key file with a chain of three: served" },
  { id: "FC276", says: "key file with a certificate that is no CA: start refused" },
  { id: "FC277", says: "key file of another chain: start refused, ecdsa public keys are not equal" },
  { id: "FC278", says: "key file with a chain whose extKeyUsage does not nest: start refused" },
  {
    id: "FC279",
    says: "key and chain are exchanged in memory: the new ones sign",
  },
  {
    id: "FC280",
    says: "key file and chain are overwritten: the new ones sign",
    appliesNot: "a running service takes no CA that relying parties were not told of before: the next one is staged",
  },
  { id: "FC281", says: "request to Google's CA service without a CA's id", ...GOOGLE_CA },
  { id: "FC282", says: "request to Google's CA service with a CA's id", ...GOOGLE_CA },
  { id: "FC283", says: "add-chain: leaf and two above it as DER, in order", waits: "external CT log" },
  {
    id: "FC284",
    says: "add-chain response: version, id, time, extensions and signature are kept",
    waits: "external CT log",
  },
  { id: "FC285", says: `a token without issuer: ${TOKEN}` },
  { id: "FC286", says: "all values: 23 extensions in ascending order, each reads back" },
  {
    id: "FC287",
    says: "a PrintableString where a UTF8String is expected is read",
    appliesNot: "Mayfly writes these extensions and reads none of anybody else",
  },
  { id: "FC288", says: "the client's User-Agent", ...GO_CLIENT },
  { id: "FC289", says: "the client's timeout", ...GO_CLIENT },
];

/** What Fulcio answers: the conditions of its error model (FE) and the cases of its own tests (FC). */
export const fulcioRows: readonly Row[] = [...conditions, ...api, ...server, ...fulcioIssuerRows, ...cryptography];
