import { parse as parseYaml } from "yaml";

/** An issuer file of Fulcio's in YAML, as Fulcio would have it in JSON. */
export function fulcioFileAsJson(yaml: string): string {
  const name = (key: string): string =>
    key
      .split("-")
      .map((word) =>
        ["oidc", "ci", "url", "id", "uri", "sha"].includes(word)
          ? word.toUpperCase()
          : word.charAt(0).toUpperCase() + word.slice(1),
      )
      .join("");
  const rename = (value: unknown, depth: number): unknown =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(
          Object.entries(value).map(([key, member]) => [depth % 2 === 0 ? name(key) : key, rename(member, depth + 1)]),
        );
  const plain = parseYaml(yaml.replaceAll(/^( {2}\*[a-z]+):/gmu, "$1 :")) as Record<
    string,
    Record<string, Record<string, unknown>>
  >;
  const metadata = plain["ci-issuer-metadata"] ?? {};
  const renamed = rename({ ...plain, define: undefined, "ci-issuer-metadata": undefined }, 0) as object;
  return JSON.stringify({
    ...renamed,
    CIIssuerMetadata: Object.fromEntries(
      Object.entries(metadata).map(([provider, of]) => [
        provider,
        {
          DefaultTemplateValues: of["default-template-values"],
          ExtensionTemplates: rename(of["extension-templates"], 0),
          SubjectAlternativeNameTemplate: of["subject-alternative-name-template"],
        },
      ]),
    ),
  });
}
