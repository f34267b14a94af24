import { join } from "node:path";
import type { DevelopmentIssuer } from "../../../dev/oidc-issuer.ts";
import type { TestTlsPair } from "../tls-pair.ts";
import { REKOR_V2_NAME, type Neighbour } from "./neighbour.ts";
import type { OtherTimes } from "./other-times.ts";

/** What a configuration of a client lab is made of. */
export interface LabConfigOptions {
  /** Folders of keys, as writeOperatorKeys fills them. */
  readonly caKeys: string;
  readonly logKeys: string;
  readonly data: string;
  /** Where it listens, and where it tells clients that it does. */
  readonly url: string;
  readonly publicUrl: string;
  readonly tls: TestTlsPair | undefined;
  /** Whether gRPC answers on the port of HTTP. */
  readonly answersGrpc: boolean;
  /** Settings of the CA's that say how long its certificates are valid, as YAML; those of Mayfly when left out. */
  readonly validity?: string | undefined;
  readonly issuer: DevelopmentIssuer;
  readonly beside: readonly Neighbour[];
  /** Who else is in the trust files. */
  readonly others: OtherTimes;
}

/** A configuration that trusts the development issuer, and names in its trust files what runs beside it. */
export function labConfig(options: LabConfigOptions): string {
  const { caKeys, logKeys, data, url, publicUrl, tls, validity, issuer, beside, others } = options;
  const listen = `listen: "${new URL(url).host}"`;
  const pair = tls === undefined ? "" : `, tls: { certificate: ${tls.certificateFile}, key: ${tls.keyFile} }`;
  const signer = (folder: string, name: string): string =>
    `{ kind: file, path: ${join(folder, `${name}.json`)}, passphrase: { file: ${join(folder, "passphrase")} } }`;
  const insecure = "allowInsecureHttp: true, allowPrivateNetwork: true";
  const authorities = beside.filter(isAuthority).map(authority);
  const logs = beside.filter((one) => !isAuthority(one)).map(transparencyLog);
  return `environment: development
dataDirectory: ${data}
http: { ${listen}${pair} }
operations: { listen: "127.0.0.1:0" }
ca: { chain: ${join(caKeys, "chain.pem")}, signer: ${signer(caKeys, "issuing")}${validity === undefined ? "" : `, ${validity}`} }
log:
  origin: ca.test/log
  store: { kind: sqlite, allowAnyFilesystem: true }
  signer: ${signer(logKeys, "log")}
  checkpointSigner: ${signer(logKeys, "checkpoint")}
issuers:
  - { url: "${issuer.url}", identity: { kind: email }, ${insecure} }
  - { url: "${issuer.githubUrl}", identity: { kind: github-actions }, ${insecure} }
${options.answersGrpc ? `grpc: { ${listen} }` : ""}
limits: { rates: { enabled: false } }
shutdown: { lameDuckSeconds: 0 }
trust:
  publicUrl: "${publicUrl}"
  operator: ca.test
  otherAuthorities: [${others.otherAuthorities.join(", ")}]
  otherLogs: [${others.otherLogs.join(", ")}]
  timestampAuthorities: [${[...others.timestampAuthorities, ...authorities].join(", ")}]
  transparencyLogs: [${[...others.transparencyLogs, ...logs].join(", ")}]
`;
}

const isAuthority = ({ kind }: Neighbour): boolean => kind === "timestamp-authority";

const authority = ({ url, trustFile }: Neighbour): string => `{ url: "${url}/api/v1/timestamp", chain: ${trustFile} }`;

const transparencyLog = ({ kind, url, trustFile }: Neighbour): string =>
  kind === "rekor-v2"
    ? `{ url: "${url}", baseUrl: "http://${REKOR_V2_NAME}", publicKey: ${trustFile}, apiVersion: 2 }`
    : `{ url: "${url}", publicKey: ${trustFile}, apiVersion: 1 }`;
