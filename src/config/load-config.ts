import { dirname, resolve } from "node:path";
import { withAbsoluteSigner } from "./absolute-signer.ts";
import type { AuthorityConfig } from "./ca-schema.ts";
import type { ShardConfig } from "./log-schema.ts";
import { readIssuers } from "./read-issuers.ts";
import { checkConfig } from "./rules.ts";
import { configJsonSchema, configSchema } from "./schema.ts";
import type { Config } from "./schema.ts";
import { schemaProblems } from "./schema-problems.ts";
import type { SignerConfig } from "./signer-schema.ts";
import { withAbsoluteTrust } from "./trust-schema.ts";
import { parseYaml, readYamlFile } from "./yaml-file.ts";

export { ConfigError } from "./config-error.ts";

/**
 * Reads and checks a configuration file. Relative paths in it are taken from the file's own folder.
 *
 * @throws ConfigError when the file cannot be read, is no YAML, or says something that is not allowed
 */
export function loadConfig(file: string): Config {
  return parseConfig(readYamlFile(file), file);
}

/**
 * Checks the text of a configuration file.
 *
 * @param file name for messages; its folder is what relative paths are resolved against
 * @throws ConfigError listing every problem with its line and path
 */
export function parseConfig(text: string, file: string): Config {
  return judgeConfig(text, file).config;
}

/** A configuration that can be used, and what in it means nothing, one line each. */
export interface JudgedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
}

/** As {@link parseConfig}, with warnings. */
export function judgeConfig(text: string, file: string): JudgedConfig {
  const { value, refuse } = parseYaml(text, file);
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) return refuse(schemaProblems(parsed.error, configJsonSchema));
  const folder = dirname(resolve(file));
  const { issuers, problems, warnings, locate } = readIssuers(parsed.data.issuers, folder);
  if (problems.length > 0) return refuse(problems);
  const config = { ...parsed.data, issuers };
  const contradictions = checkConfig(config);
  if (contradictions.length > 0) return refuse(contradictions.map(locate));
  return { config: withAbsolutePaths(config, folder), warnings };
}

function tlsFiles(tls: Config["http"]["tls"], absolute: (path: string) => string): Pick<Config["http"], "tls"> {
  if (tls === undefined) return {};
  return { tls: Object.freeze({ certificate: absolute(tls.certificate), key: absolute(tls.key) }) };
}

function withAbsoluteKeys(shard: ShardConfig, absolute: (from: SignerConfig) => SignerConfig): ShardConfig {
  const { signer, checkpointSigner } = shard;
  return Object.freeze({
    ...shard,
    ...(signer === undefined ? {} : { signer: absolute(signer) }),
    ...(checkpointSigner === undefined ? {} : { checkpointSigner: absolute(checkpointSigner) }),
  });
}

function withAbsoluteFiles(one: AuthorityConfig, absolute: (path: string) => string): AuthorityConfig {
  const { chain, signer } = one;
  return Object.freeze({
    ...one,
    ...(chain === undefined ? {} : { chain: absolute(chain) }),
    ...(signer === undefined ? {} : { signer: withAbsoluteSigner(signer, absolute) }),
  });
}

function withAbsolutePaths(config: Config, folder: string): Config {
  const absolute = (path: string): string => resolve(folder, path);
  const signer = (from: SignerConfig): SignerConfig => withAbsoluteSigner(from, absolute);
  return Object.freeze({
    ...config,
    dataDirectory: absolute(config.dataDirectory),
    http: Object.freeze({ ...config.http, ...tlsFiles(config.http.tls, absolute) }),
    ...(config.grpc === undefined
      ? {}
      : { grpc: Object.freeze({ ...config.grpc, ...tlsFiles(config.grpc.tls, absolute) }) }),
    ca: Object.freeze({
      ...config.ca,
      authorities: Object.freeze(config.ca.authorities.map((one) => withAbsoluteFiles(one, absolute))),
    }),
    log: Object.freeze({
      ...config.log,
      shards: Object.freeze(config.log.shards.map((shard) => withAbsoluteKeys(shard, signer))),
    }),
    ...(config.trust === undefined ? {} : { trust: withAbsoluteTrust(config.trust, absolute) }),
    clientKeys: Object.freeze({
      ...config.clientKeys,
      ...(config.clientKeys.blocklist === undefined ? {} : { blocklist: absolute(config.clientKeys.blocklist) }),
    }),
    issuers: Object.freeze(
      config.issuers.map((issuer) =>
        Object.freeze({
          ...issuer,
          ...(issuer.caCertificate === undefined ? {} : { caCertificate: absolute(issuer.caCertificate) }),
          ...(issuer.jwksFile === undefined ? {} : { jwksFile: absolute(issuer.jwksFile) }),
          ...(issuer.bearerTokenFile === undefined ? {} : { bearerTokenFile: absolute(issuer.bearerTokenFile) }),
        }),
      ),
    ),
  });
}
