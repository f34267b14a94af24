/** A configuration that cannot be used; the message has one line per problem: `file:line: path: what is wrong`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
