/** The one subjectAltName entry of a leaf. */
export type SubjectAltName =
  /** rfc822Name (RFC 5280 §4.2.1.6), ASCII only. */
  | { readonly kind: "email"; readonly value: string }
  /** uniformResourceIdentifier, an absolute ASCII URI. */
  | { readonly kind: "uri"; readonly value: string }
  /** otherName of the type 1.3.6.1.4.1.57264.1.7, a UTF8String: `user!domain`. */
  | { readonly kind: "username"; readonly value: string };

/**
 * Values of Fulcio's certificate extensions (arc 1.3.6.1.4.1.57264.1) by name. An absent value means that the
 * extension is left out; `issuer` fills both issuer extensions (.1 and .8).
 */
export interface FulcioExtensions {
  readonly issuer: string;
  readonly githubWorkflowTrigger?: string;
  readonly githubWorkflowSha?: string;
  readonly githubWorkflowName?: string;
  readonly githubWorkflowRepository?: string;
  readonly githubWorkflowRef?: string;
  readonly buildSignerUri?: string;
  readonly buildSignerDigest?: string;
  readonly runnerEnvironment?: string;
  readonly sourceRepositoryUri?: string;
  readonly sourceRepositoryDigest?: string;
  readonly sourceRepositoryRef?: string;
  readonly sourceRepositoryIdentifier?: string;
  readonly sourceRepositoryOwnerUri?: string;
  readonly sourceRepositoryOwnerIdentifier?: string;
  readonly buildConfigUri?: string;
  readonly buildConfigDigest?: string;
  readonly buildTrigger?: string;
  readonly runInvocationUri?: string;
  readonly sourceRepositoryVisibilityAtSigning?: string;
  readonly deploymentEnvironment?: string;
  readonly tokenSubject?: string;
}

/** Who asks: what the certificate will say, and the text whose signature proves possession of the key. */
export interface Principal {
  /** The exact text that the proof of possession signs, UTF-8: both sides find it in the token. */
  readonly challenge: string;
  /** The claim that the text is the value of (OIDC Core §2, §5.1). */
  readonly challengeClaim: "email" | "sub";
  readonly subjectAltName: SubjectAltName;
  readonly extensions: FulcioExtensions;
}

/** A principal as far as its proof of possession depends on it. */
export type Challenger = Pick<Principal, "challenge" | "challengeClaim" | "subjectAltName">;
