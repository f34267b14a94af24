/** Whether a JSON Schema has a setting at the path. */
export function hasSetting(schema: unknown, [name, ...below]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (typeof schema !== "object" || schema === null) return false;
  const {
    properties = {},
    anyOf = [],
    oneOf = [],
  } = schema as {
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly anyOf?: readonly unknown[];
    readonly oneOf?: readonly unknown[];
  };
  if (name in properties) return hasSetting(properties[name], below);
  return [...anyOf, ...oneOf].some((one) => hasSetting(one, [name, ...below]));
}
