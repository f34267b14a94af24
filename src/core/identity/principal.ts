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
  readonly githubWorkflowTrigger?: string | undefined;
  readonly githubWorkflowSha?: string | undefined;
  readonly githubWorkflowName?: string | undefined;
  readonly githubWorkflowRepository?: string | undefined;
  readonly githubWorkflowRef?: string | undefined;
  readonly buildSignerUri?: string | undefined;
  readonly buildSignerDigest?: string | undefined;
  readonly runnerEnvironment?: string | undefined;
  readonly sourceRepositoryUri?: string | undefined;
  readonly sourceRepositoryDigest?: string | undefined;
  readonly sourceRepositoryRef?: string | undefined;
  readonly sourceRepositoryIdentifier?: string | undefined;
  readonly sourceRepositoryOwnerUri?: string | undefined;
  readonly sourceRepositoryOwnerIdentifier?: string | undefined;
  readonly buildConfigUri?: string | undefined;
  readonly buildConfigDigest?: string | undefined;
  readonly buildTrigger?: string | undefined;
  readonly runInvocationUri?: string | undefined;
  readonly sourceRepositoryVisibilityAtSigning?: string | undefined;
  readonly deploymentEnvironment?: string | undefined;
  readonly tokenSubject?: string | undefined;
}

/**
 * None of them yet, for copies that members are given by computed names: an object that has every member from its start keeps
 * one shape, while V8 makes a hash table of one that twenty are added to, and all who read it pay for it (10 µs an issuance).
 */
export const NO_EXTENSIONS: Readonly<Record<keyof FulcioExtensions, string | undefined>> = {
  issuer: undefined,
  githubWorkflowTrigger: undefined,
  githubWorkflowSha: undefined,
  githubWorkflowName: undefined,
  githubWorkflowRepository: undefined,
  githubWorkflowRef: undefined,
  buildSignerUri: undefined,
  buildSignerDigest: undefined,
  runnerEnvironment: undefined,
  sourceRepositoryUri: undefined,
  sourceRepositoryDigest: undefined,
  sourceRepositoryRef: undefined,
  sourceRepositoryIdentifier: undefined,
  sourceRepositoryOwnerUri: undefined,
  sourceRepositoryOwnerIdentifier: undefined,
  buildConfigUri: undefined,
  buildConfigDigest: undefined,
  buildTrigger: undefined,
  runInvocationUri: undefined,
  sourceRepositoryVisibilityAtSigning: undefined,
  deploymentEnvironment: undefined,
  tokenSubject: undefined,
};

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
