/** A setting as messages name it: `log.shards[1].signer`. */
export function settingName(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${String(step)}]` : `${text}${text === "" ? "" : "."}${String(step)}`,
    "",
  );
}
