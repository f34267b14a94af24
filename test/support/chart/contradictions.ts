/** Values that contradict each other, which no schema sees: a shape, what is laid over it, and what the chart says. */
export interface Contradiction {
  /** What is wrong, to be read after "refuses". */
  readonly what: string;
  readonly shape: string;
  /** YAML. */
  readonly change: string;
  readonly says: string;
}

/** One for each way to contradict oneself that the templates know. */
export const CONTRADICTIONS: readonly Contradiction[] = [
  {
    what: "a Secret for a name that another has",
    shape: "file-keys",
    change: "secrets: [{ name: keys, secretName: a }, { name: keys, secretName: b }, { name: tls, secretName: c }]",
    says: "secrets has keys twice",
  },
  {
    what: "a variable that is there twice",
    shape: "file-keys",
    change: 'env: [{ name: REGION, value: "1" }, { name: REGION, value: "2" }]',
    says: "env has REGION twice",
  },
  {
    what: "probes at the port of the API",
    shape: "file-keys",
    change: "config: { operations: { listen: 0.0.0.0:5555 } }",
    says: "config.operations.listen has the port of config.http.listen",
  },
  {
    what: "probes at the port of gRPC",
    shape: "ingress",
    change: "config: { operations: { listen: 0.0.0.0:5554 } }",
    says: "config.operations.listen has the port of config.grpc.listen",
  },
  {
    what: "one port of the Service for two",
    shape: "ingress",
    change: "service: { grpcPort: 80 }",
    says: "service.grpcPort is service.httpPort",
  },
  {
    what: "a key in a Secret that is not mounted",
    shape: "file-keys",
    change: "secrets: [{ name: tls, secretName: mayfly-tls }]",
    says: "config names /secrets/keys/passphrase, and neither secrets, tokens nor extraVolumeMounts have a folder",
  },
  {
    what: "a key of a development CA that nobody makes",
    shape: "development",
    change: "developmentCa: { enabled: false }",
    says: "config names /secrets/development-ca/chain.pem",
  },
  {
    what: "a token that the pod has none of",
    shape: "vault",
    change: "tokens: []",
    says: "config names /tokens/vault/token",
  },
  {
    what: "a chain that is nowhere",
    shape: "file-keys",
    change: "files: null",
    says: "config has chain: chain.pem, and files has no chain.pem",
  },
  {
    what: "an issuer file of Fulcio's that is nowhere",
    shape: "file-keys",
    change: "config: { issuers: { fulcio: { path: fulcio.yaml, sharedIssuers: refuse } } }",
    says: "config has issuers.fulcio.path: fulcio.yaml, and files has no fulcio.yaml",
  },
  {
    what: "a passphrase in the values",
    shape: "ingress",
    change:
      "env: [{ name: MAYFLY_UNLOCK, value: in-the-open }]\nconfig: { ca: { signer: { passphrase: { env: MAYFLY_UNLOCK } } } }",
    says: "env has a value for MAYFLY_UNLOCK, where config has a secret",
  },
  {
    what: "a Vault in the cluster without a way to it",
    shape: "vault",
    change: "networkPolicy: { egress: [] }",
    says: "config has keys in the Vault at vault.vault.svc:8200, and networkPolicy.egress has no way there",
  },
  {
    what: "an issuer in the cluster without a way to it",
    shape: "development",
    change: "networkPolicy: { egress: [] }",
    says: "config has an issuer at a private address, and networkPolicy.egress has no way there",
  },
  {
    what: "keys at a cloud that is out of reach",
    shape: "aws-kms",
    change: "networkPolicy: { internet: false }",
    says: "config has keys at a cloud, networkPolicy.internet is false, and networkPolicy.egress has no way there",
  },
];
