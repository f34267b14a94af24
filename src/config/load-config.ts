import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isMap, isNode, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { z } from "zod";
import type { ShardConfig } from "./log-schema.ts";
import { nearestName } from "./nearest-name.ts";
import { checkConfig } from "./rules.ts";
import type { ConfigProblem } from "./rule.ts";
import { configJsonSchema, configSchema } from "./schema.ts";
import type { Config } from "./schema.ts";
import { settingName } from "./setting-name.ts";
import type { SecretConfig, SignerConfig } from "./signer-schema.ts";
import { withAbsoluteTrust } from "./trust-schema.ts";

const MAX_CONFIG_BYTES = 1024 * 1024;

/** A configuration that cannot be used; the message has one line per problem: `file:line: path: what is wrong`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Reads and checks a configuration file. Relative paths in it are taken from the file's own folder.
 *
 * @throws ConfigError when the file cannot be read, is no YAML, or says something that is not allowed
 */
export function loadConfig(file: string): Config {
  let text: string;
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new ConfigError(`${file}: not a regular file`);
    if (stat.size > MAX_CONFIG_BYTES) throw new ConfigError(`${file}: larger than ${MAX_CONFIG_BYTES} bytes`);
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`${file}: cannot be read: ${Error.isError(cause) ? cause.message : String(cause)}`, {
      cause,
    });
  }
  return parseConfig(text, file);
}

/**
 * Checks the text of a configuration file.
 *
 * @param file name for messages; its folder is what relative paths are resolved against
 * @throws ConfigError listing every problem with its line and path
 */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw new ConfigError(faults.map((fault) => `${file}:${fault.message.split("\n")[0] ?? ""}`).join("\n"));
  }
  const raw = toPlain(document, file);
  const report = (problems: readonly ConfigProblem[]): never => {
    throw new ConfigError(problems.map((problem) => describe(problem, { file, document, lines })).join("\n"));
  };
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) return report(parsed.error.issues.flatMap(toProblems));
  const problems = checkConfig(parsed.data);
  if (problems.length > 0) return report(problems);
  return withAbsolutePaths(parsed.data, dirname(resolve(file)));
}

function toPlain(document: Document, file: string): unknown {
  if (!isMap(document.contents)) throw new ConfigError(`${file}: expected a mapping of settings`);
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new ConfigError(`${file}: ${Error.isError(cause) ? cause.message : String(cause)}`, { cause });
  }
}

/** zod's issue → our problems; an unknown key is reported at its own line with the name that was probably meant. */
function toProblems(issue: z.core.$ZodIssue): ConfigProblem[] {
  if (issue.code !== "unrecognized_keys") return [{ path: issue.path, message: issue.message }];
  return issue.keys.map((key) => {
    const nearest = nearestName(key, knownKeys(configJsonSchema(), issue.path));
    const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    return { path: [...issue.path, key], message: `unknown setting${hint}` };
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names that the schema knows at `path`, over all alternatives. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  if (!isRecord(schema)) return [];
  const alternatives = [schema["anyOf"], schema["oneOf"]].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  const below = alternatives.flatMap((alternative) => knownKeys(alternative, path));
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const [step, ...rest] = path;
  if (step === undefined) return [...Object.keys(properties), ...below];
  const next = typeof step === "number" ? schema["items"] : properties[String(step)];
  return [...knownKeys(next, rest), ...below];
}

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

function describe(problem: ConfigProblem, { file, document, lines }: Source): string {
  const name = settingName(problem.path);
  const line = lineOf(problem.path, document, lines);
  return `${file}${line === undefined ? "" : `:${String(line)}`}: ${name}: ${problem.message}`;
}

/** Line of the value at `path`, or of the nearest enclosing value that is there. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: LineCounter): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

function tlsFiles(tls: Config["http"]["tls"], absolute: (path: string) => string): Pick<Config["http"], "tls"> {
  if (tls === undefined) return {};
  return { tls: Object.freeze({ certificate: absolute(tls.certificate), key: absolute(tls.key) }) };
}

function withAbsoluteKeys(shard: ShardConfig, absolute: (from: SignerConfig) => SignerConfig): ShardConfig {
  const { signer, checkpointSigner } = shard;
  return Object.freeze({
    ...shard,
    ...(signer === undefined ? {} : { signer: Object.freeze(absolute(signer)) }),
    ...(checkpointSigner === undefined ? {} : { checkpointSigner: Object.freeze(absolute(checkpointSigner)) }),
  });
}

function withAbsolutePaths(config: Config, folder: string): Config {
  const absolute = (path: string): string => resolve(folder, path);
  const secret = (from: SecretConfig): SecretConfig => ("file" in from ? { file: absolute(from.file) } : from);
  const signer = (from: SignerConfig): SignerConfig =>
    from.kind === "file" ? { ...from, path: absolute(from.path), passphrase: secret(from.passphrase) } : from;
  return Object.freeze({
    ...config,
    dataDirectory: absolute(config.dataDirectory),
    http: Object.freeze({ ...config.http, ...tlsFiles(config.http.tls, absolute) }),
    ...(config.grpc === undefined
      ? {}
      : { grpc: Object.freeze({ ...config.grpc, ...tlsFiles(config.grpc.tls, absolute) }) }),
    ca: Object.freeze({
      ...config.ca,
      ...(config.ca.chain === undefined ? {} : { chain: absolute(config.ca.chain) }),
      signer: Object.freeze(signer(config.ca.signer)),
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
        }),
      ),
    ),
  });
}
