import { parseVerifierKey } from "../core/note/verifier-key.ts";
import { CA_RULES } from "./ca-rules.ts";
import { GRPC_RULES, isPlaintextOffLoopback } from "./grpc-rules.ts";
import { identities } from "./identity-rules.ts";
import { hostOf, ISSUER_RULES } from "./issuer-rules.ts";
import { isSameAddress } from "./listen-schema.ts";
import { isLoopback } from "./loopback.ts";
import type { ConfigProblem, Rule } from "./rule.ts";
import type { Config } from "./schema.ts";
import { isSharedIssuer } from "./shared-issuers.ts";
import { memoryKeysOfShards, SHARD_RULES } from "./shard-rules.ts";
import { SIGNER_RULES } from "./signers/signer-rules.ts";
import { TRUST_RULES } from "./trust-rules.ts";

const needsDevelopment = (path: readonly PropertyKey[], what: string): ConfigProblem => ({
  path,
  message: `${what} is allowed only with environment: development`,
});

const memoryKeys: Rule = ({ ca, log }) => {
  const ofCa = ca.authorities
    .filter(({ signer }) => signer?.kind === "memory")
    .map(({ place }) => [...place, "signer", "kind"]);
  return [...ofCa, ...memoryKeysOfShards(log.shards)].map((path) =>
    needsDevelopment(path, "a key that is forgotten at exit"),
  );
};

const memoryStore: Rule = (config) =>
  config.log.store.kind === "memory"
    ? [needsDevelopment(["log", "store", "kind"], "a log that is forgotten at exit")]
    : [];

const insecureIssuers: Rule = (config) =>
  config.issuers.flatMap((issuer, index) =>
    issuer.allowInsecureHttp
      ? [needsDevelopment(["issuers", index, "allowInsecureHttp"], "an issuer without TLS")]
      : [],
  );

const plainHttp: Rule = ({ http }) => {
  if (http.tls !== undefined) {
    return http.allowPlainHttpOffLoopback
      ? [{ path: ["http", "allowPlainHttpOffLoopback"], message: "contradicts http.tls, with which nothing is plain" }]
      : [];
  }
  if (isLoopback(http.listen.host) || http.allowPlainHttpOffLoopback) return [];
  const message =
    "plain HTTP off loopback; write http.tls: { certificate: FILE, key: FILE }, or, where TLS ends in front of Mayfly, " +
    "http.allowPlainHttpOffLoopback: true";
  return [{ path: ["http", "listen"], message }];
};

const plainOperations: Rule = ({ operations }) =>
  isLoopback(operations.listen.host) || operations.allowPlainHttpOffLoopback
    ? []
    : [
        {
          path: ["operations", "listen"],
          message:
            "off loopback anyone who reaches it reads metrics and readiness; where only probes and monitoring do, write " +
            "operations.allowPlainHttpOffLoopback: true",
        },
      ];

const distinctListeners: Rule = ({ http, operations }) =>
  http.listen.port !== 0 && isSameAddress(http.listen, operations.listen)
    ? [{ path: ["operations", "listen"], message: "the same address as http.listen" }]
    : [];

/** Whoever starts it on loopback reads the port; nobody else could know where to find it. */
const portsToBeFound: Rule = (config) =>
  (["http", "operations"] as const)
    .filter((name) => config[name].listen.port === 0 && !isLoopback(config[name].listen.host))
    .map((name) => ({
      path: [name, "listen"],
      message: "port 0 stands for any port that is free, which only callers on loopback can be told",
    }));

/** Names tell witnesses apart in log lines, metrics and cosignatures. */
const witnessesOnce: Rule = ({ log: { witnesses } }) => {
  const names = witnesses.map(({ key }) => parseVerifierKey(key).name);
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [{ path: ["log", "witnesses", index, "key"], message: "a witness of this name is configured already" }],
  );
};

const insecureWitnesses: Rule = ({ environment, log: { witnesses } }) =>
  witnesses.flatMap(({ url }, index): ConfigProblem[] => {
    if (!url.startsWith("http://")) return [];
    const path = ["log", "witnesses", index, "url"];
    if (environment !== "development") return [needsDevelopment(path, "a witness without TLS")];
    return isLoopback(hostOf(url)) ? [] : [{ path, message: "a witness without TLS must be on a loopback address" }];
  });

const quorumOfWitnesses: Rule = ({ log: { witnesses, witnessQuorum }, limits }) => {
  const { required, mode, timeoutSeconds } = witnessQuorum;
  const problem = (setting: keyof typeof witnessQuorum, message: string): readonly ConfigProblem[] => [
    { path: ["log", "witnessQuorum", setting], message },
  ];
  if (mode === "before-answer" && witnesses.length === 0)
    return problem("mode", "there are no log.witnesses to wait for");
  if (witnesses.length > 0 && required > witnesses.length) {
    return problem("required", `there are ${witnesses.length} log.witnesses`);
  }
  // Otherwise callers would be told of a log that hangs, and not of witnesses that are missing.
  return mode === "before-answer" && timeoutSeconds >= limits.stages.logSeconds
    ? problem("timeoutSeconds", "must be less than limits.stages.logSeconds")
    : [];
};

const RULES: readonly Rule[] = [
  identities,
  plainHttp,
  plainOperations,
  distinctListeners,
  portsToBeFound,
  witnessesOnce,
  insecureWitnesses,
  quorumOfWitnesses,
  ...CA_RULES,
  ...ISSUER_RULES,
  ...GRPC_RULES,
  ...SHARD_RULES,
  ...SIGNER_RULES,
  ...TRUST_RULES,
];

const OUTSIDE_DEVELOPMENT: readonly Rule[] = [memoryKeys, memoryStore, insecureIssuers];

/** Rules that look at more than one setting; empty when the configuration holds together. */
export function checkConfig(config: Config): readonly ConfigProblem[] {
  const rules = config.environment === "development" ? RULES : [...RULES, ...OUTSIDE_DEVELOPMENT];
  return rules.flatMap((rule) => rule(config));
}

/** Settings in force that give safety away, by name; each is logged at start and exported as a metric. */
export function unsafeOptions(config: Config): readonly string[] {
  const options: [string, boolean][] = [
    ["environment-development", config.environment === "development"],
    ["plain-http-off-loopback", config.http.tls === undefined && !isLoopback(config.http.listen.host)],
    ["grpc-plaintext-off-loopback", isPlaintextOffLoopback(config)],
    ["operations-plain-http-off-loopback", !isLoopback(config.operations.listen.host)],
    ["log-on-any-filesystem", config.log.store.kind === "sqlite" && config.log.store.allowAnyFilesystem],
    ["rate-limits-off", !config.limits.rates.enabled],
    ["issuer-on-private-network", config.issuers.some((issuer) => issuer.allowPrivateNetwork)],
    ["issuer-by-broad-wildcard", config.issuers.some((issuer) => issuer.allowBroadWildcard)],
    ["issuer-shared-without-rules", config.issuers.some(({ url, allow }) => allow === "any" && isSharedIssuer(url))],
    ["issuer-without-tls", config.issuers.some((issuer) => issuer.allowInsecureHttp)],
    ["witness-without-tls", config.log.witnesses.some(({ url }) => url.startsWith("http://"))],
    [
      "email-verification-skipped",
      config.issuers.some(({ identity }) => identity.kind === "email" && identity.emailTrust === "unverified"),
    ],
  ];
  return options.filter(([, on]) => on).map(([name]) => name);
}
