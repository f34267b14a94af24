/** The least that a configuration has: a development service that keeps keys and log in memory. */
export const MEMORY_CONFIG = `environment: development
dataDirectory: data
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { signer: { kind: memory } }
log: { origin: example.com, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }
issuers: [{ url: "https://issuer.example.com", identity: { kind: email } }]
`;
