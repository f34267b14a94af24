import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import { translateFulcioEntries } from "../../../src/config/fulcio-entries.ts";
import { FulcioInputError } from "../../../src/config/fulcio-input-error.ts";
import type { FulcioIssuerFile } from "../../../src/config/fulcio-issuer-file.ts";
import { translateIssuers } from "../../../src/config/fulcio-issuers.ts";
import { issuersSchema } from "../../../src/config/issuers-schema.ts";
import { ConfigError, parseConfig } from "../../../src/config/load-config.ts";
import { prepareIdentities } from "../../../src/config/resolve-identities.ts";
import type { Config } from "../../../src/config/schema.ts";
import { sharedIssuerClaim } from "../../../src/config/shared-issuers.ts";
import { fulcioFileAsJson } from "../../support/fulcio-json.ts";
import { fulcioIssuers, SHIPPED_ISSUERS } from "../../support/fulcio.ts";
import { comparison, requireSame } from "../comparison.ts";
import { mutatedFiles } from "./mutate-lines.ts";

const ONE_OF_EACH = `define:
  - &name "ci"
oidc-issuers:
  https://email.example.com:
    issuer-url: https://email.example.com
    client-id: sigstore
    type: email
    issuer-claim: $.federated_claims.connector_id
    challenge-claim: email
  https://uri.example.com:
    issuer-url: https://uri.example.com
    client-id: "0123"
    type: uri
    subject-domain: https://users.example.com
  https://spiffe.example.com: &spiffe
    issuer-url: https://spiffe.example.com
    client-id: sigstore
    type: spiffe
    spiffe-trust-domain: example.com
  https://ci.example.com:
    issuer-url: https://ci.example.com
    client-id: sigstore
    type: ci-provider
    ci-provider: *name
meta-issuers:
  https://k8s.*.example.com/id/*:
    client-id: sigstore
    type: kubernetes
ci-issuer-metadata:
  *name:
    default-template-values:
      url: https://ci.example.com
    extension-templates:
      build-config-uri: "{{ .url }}/{{ .project }}"
      run-invocation-uri: "{{ .url }}/{{ .run }}"
    subject-alternative-name-template: "{{ .url }}/{{ .project }}/{{ .run }}"
`;

const resolveIdentity = prepareIdentities(".");

const isPlaced = (place: string | undefined): boolean => /^issuers:[1-9]\d*$/u.test(place ?? "");

/** Each issuer that a file names, and whether it is said among patterns; undefined for a file that is read otherwise. */
function issuersBy(text: string): readonly string[] {
  const isJson = /^\s*[{[]/u.test(text);
  const separated = text.replaceAll(/^([ \t]*\*[A-Za-z0-9_-]+):(?=[ \t\r]|$)/gmu, "$1 :");
  const plain = (
    isJson ? JSON.parse(text) : parseYaml(separated, { merge: true, schema: "failsafe", customTags: ["null"] })
  ) as Readonly<Record<string, Readonly<Record<string, unknown>> | null>> | null;
  const names = ["oidc-issuers", "meta-issuers"].flatMap((group) => {
    const name = group.replaceAll("-", "");
    const found = Object.keys(plain ?? {}).filter((key) => (isJson ? key.toLowerCase() === name : key === group));
    return found.flatMap((key) => Object.keys(plain?.[key] ?? {}));
  });
  return names.toSorted();
}

/** What a file becomes as settings in words is a list of issuers that the configuration takes. */
function requireTranslation(file: FulcioIssuerFile): void {
  try {
    const { issuers } = parseYaml(translateIssuers(file, "as-fulcio").lines.join("\n")) as {
      readonly issuers: unknown[];
    };
    if (issuers.length > 0) requireSame(issuersSchema.safeParse(issuers).error?.issues, undefined);
  } catch (error) {
    if (!(error instanceof FulcioInputError)) throw error;
  }
}

const FULCIO_FILES = comparison({
  name: "issuer files of Fulcio's",
  weight: 3,
  needed: ["taken", "problems", "not read"],
  inputs: mutatedFiles([ONE_OF_EACH, ONE_OF_EACH, SHIPPED_ISSUERS, fulcioFileAsJson(ONE_OF_EACH)]),
  compare: (text) => {
    let file: FulcioIssuerFile;
    try {
      file = fulcioIssuers(text);
    } catch (error) {
      if (!(error instanceof FulcioInputError)) throw error;
      requireSame([error.message, /^issuers:[1-9]\d*: .+$/u.test(error.message)], [error.message, true]);
      return "not read";
    }
    const { entries, problems } = translateFulcioEntries(file, resolveIdentity);
    const unplaced = problems.filter(
      ({ path, place, message }) => path.length === 0 || !isPlaced(place) || message === "",
    );
    requireSame(unplaced, []);
    requireTranslation(file);
    if (problems.length > 0) return "problems";
    requireSame(entries.map(({ issuer }) => issuer.url).toSorted(), issuersBy(text));
    return "taken";
  },
});

const HEAD = readFileSync(new URL("../../../config/mayfly.dev.yaml", import.meta.url), "utf8").split(
  /^issuers:$/mu,
)[0]!;
const TAIL = `issuers:
  - url: https://login.example.com
    identity: { kind: email, domains: [example.com, "*.example.org"] }
    jwksHosts: [keys.example.com]
    algorithms: [RS256, EdDSA]
  - url: https://token.actions.githubusercontent.com
    identity: { kind: github-actions, baseUrl: https://github.com }
    allow:
      - name: releases
        claims:
          repository_owner: acme
          ref: { glob: refs/tags/* }
      - claims: { repository: { prefix: acme/ }, environment: [a, { glob: b-* }] }
    deny:
      - claims: { event_name: pull_request_target, environment: { absent: true } }
  - url: https://oidc.eks.*.amazonaws.com/id/*
    identity: { kind: kubernetes }
    allow: any
  - url: https://ci.example.com
    audience: mayfly
    identity: { kind: ci-provider, provider: gitlab-ci, settings: {} }
    allow: any
    staleKeysSeconds: 60
  - url: https://spiffe.example.com
    identity: { kind: spiffe, trustDomain: example.com }
    singleUse: true
`;

/** What is wrong is said line by line, and where; a setting that is not written has no place, and a file that is no mapping. */
function isWellSaid(message: string, text: string): boolean {
  return message.split("\n").every((line) => {
    const missing = /^mayfly\.yaml: (?<name>[A-Za-z]+): ./u.exec(line)?.groups?.["name"];
    if (missing !== undefined) return !text.split("\n").some((written) => written.startsWith(`${missing}:`));
    return (
      /^mayfly\.yaml:(?:[1-9]\d*: .+|.+ at line \d+, column \d+.*)$/u.test(line) ||
      line === "mayfly.yaml: expected a mapping of settings"
    );
  });
}

const OUR_FILES = comparison({
  name: "issuers in our settings",
  weight: 3,
  needed: ["taken", "refused"],
  inputs: mutatedFiles([TAIL]).map((issuers) => HEAD + issuers),
  compare: (text) => {
    let config: Config;
    try {
      config = parseConfig(text, "mayfly.yaml");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      requireSame([error.message, isWellSaid(error.message, text)], [error.message, true]);
      return "refused";
    }
    const { issuers } = parseYaml(text) as { readonly issuers: readonly { readonly url: string }[] };
    requireSame(
      config.issuers.map(({ url }) => url),
      issuers.map(({ url }) => url),
    );
    const open = config.issuers.filter(
      ({ url, allow, identity }) =>
        allow === undefined &&
        sharedIssuerClaim(url) !== undefined &&
        !(identity.kind === "email" && identity.domains !== undefined),
    );
    requireSame(open, []);
    return "taken";
  },
});

/** Everything about files that say which issuers are trusted. */
export const SETTINGS_FILES = [FULCIO_FILES, OUR_FILES];
