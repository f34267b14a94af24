/** A JSON Schema (2020-12), as OpenAPI 3.1 embeds them. */
export type Schema = Readonly<Record<string, unknown>>;

/** A reference to one of {@link SCHEMAS}. */
export const schemaRef = (name: keyof typeof SCHEMAS): Schema => ({ $ref: `#/components/schemas/${name}` });

const text = (description: string): Schema => ({ type: "string", description });
const bytes = (description: string): Schema => ({ type: "string", contentEncoding: "base64", description });
const list = (items: Schema, description: string): Schema => ({ type: "array", items, description });
const fixed = (value: string): Schema => ({ type: "string", const: value });

/** An object; what `optional` names may be missing, of the others all are there. */
function message(
  description: string,
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", description, properties, ...(required.length > 0 ? { required } : {}) };
}

/** The same for a request, where whatever is missing counts as empty. */
const request = (description: string, properties: Readonly<Record<string, Schema>>): Schema =>
  message(description, properties, Object.keys(properties));

const PEM_CERTIFICATE = text("One certificate, PEM (RFC 7468 §5).");
const chain = (description: string): Schema =>
  message("dev.sigstore.fulcio.v2.CertificateChain", { certificates: list(PEM_CERTIFICATE, description) });

/**
 * The messages of Fulcio's API in the ProtoJSON format, which also takes the names of the .proto files, null for what is
 * left out, and base64 in the URL-safe alphabet or without padding.
 */
export const SCHEMAS = {
  CreateSigningCertificateRequest: request(
    "dev.sigstore.fulcio.v2.CreateSigningCertificateRequest: a token, here or in the header, and one of the two forms of a key.",
    {
      credentials: request("Wins over the header.", {
        oidcIdentityToken: text("OIDC ID token, a compact JWS (RFC 7515)."),
      }),
      publicKeyRequest: request("A key and the proof that its private half is at hand.", {
        publicKey: request("The key to certify.", {
          algorithm: { type: ["string", "integer"], description: "Ignored: the key says what it is." },
          content: text("PEM SubjectPublicKeyInfo (RFC 7468 §13)."),
        }),
        proofOfPossession: bytes(
          "Signature over the e-mail address or the subject of the token (the issuer's challengeClaim), as UTF-8: ECDSA with " +
            "the digest of the curve's size, RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519.",
        ),
      }),
      certificateSigningRequest: bytes("PEM PKCS #10 request (RFC 2986); nothing but its key is taken over."),
    },
  ),
  V1CreateSigningCertificateRequest: request(
    "dev.sigstore.fulcio.v1beta.CreateSigningCertificateRequest: the token is in the header.",
    {
      publicKey: request("The key to certify.", {
        algorithm: text("Ignored: the key says what it is."),
        content: bytes("SubjectPublicKeyInfo, PEM or DER."),
      }),
      signedEmailAddress: bytes("The proof of possession, whatever the kind of issuer."),
      certificateSigningRequest: bytes("PEM PKCS #10 request (RFC 2986); wins over the key."),
    },
  ),
  SigningCertificate: message(
    "dev.sigstore.fulcio.v2.SigningCertificate; the SCT (RFC 6962 §3.3) is in the certificate.",
    {
      signedCertificateEmbeddedSct: message("The only member.", {
        chain: chain("The new certificate, then its issuers, the root last; no final newlines."),
      }),
    },
  ),
  TrustBundle: message("dev.sigstore.fulcio.v2.TrustBundle", {
    chains: list(chain("Issuing CA first, root last; each with a final newline."), "The CA chains to trust."),
  }),
  Configuration: message("dev.sigstore.fulcio.v2.Configuration", {
    issuers: list(
      message(
        "dev.sigstore.fulcio.v2.OIDCIssuer",
        {
          issuerUrl: text("The iss of its tokens; absent where wildcardIssuerUrl is there."),
          wildcardIssuerUrl: text("A pattern of the iss of many issuers' tokens, with stars."),
          audience: text("The aud that its tokens must have."),
          challengeClaim: text("The claim that a proof of possession signs."),
          spiffeTrustDomain: text("Empty unless its tokens have SPIFFE IDs."),
          issuerType: text("Kind of identity, such as email or ci-provider."),
          subjectDomain: text("Empty unless subjects are completed by it."),
          skipEmailVerification: { type: "boolean", description: "Whether email_verified is not asked for." },
        },
        ["issuerUrl", "wildcardIssuerUrl"],
      ),
      "The issuers whose tokens are accepted.",
    ),
  }),
  Health: message("grpc.health.v1.HealthCheckResponse", { status: fixed("SERVING") }),
  Status: message("google.rpc.Status: why a request was refused or failed.", {
    code: { type: "integer", description: "google.rpc.Code." },
    message: text("For people; Fulcio's own text where it has one."),
    details: list(
      message("google.rpc.ErrorInfo", {
        "@type": fixed("type.googleapis.com/google.rpc.ErrorInfo"),
        reason: text("For programs; stable, such as WRONG_AUDIENCE."),
        domain: fixed("mayfly"),
      }),
      "One entry.",
    ),
  }),
} as const satisfies Readonly<Record<string, Schema>>;
