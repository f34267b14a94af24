/** A setting as messages name it: `log.shards[1].signer`, `oidc-issuers["https://…"].type`. */
export function settingName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const name = String(step);
    if (/[^!-~]|[[\]"/]/u.test(name)) return `${text}[${quoted(name)}]`;
    return `${text}${text === "" ? "" : "."}${name}`;
  }, "");
}

/** Nothing of a file's own names may command a terminal or begin a line. */
function quoted(name: string): string {
  const codeUnit = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(name).replaceAll(/[^ -~]/g, codeUnit);
}
