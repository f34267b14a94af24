/** What a key URI says, in the members of a signer of that kind. */
export interface KeyUri {
  readonly kind: "vault" | "aws-kms" | "google-kms" | "azure-key-vault" | "pkcs11";
  readonly members: Readonly<Record<string, unknown>>;
}

/** What is wrong with a key URI, as the end of a sentence; it quotes nothing, for a PIN may stand in it. */
export interface KeyUriProblem {
  readonly problem: string;
}

type Parsed = KeyUri | KeyUriProblem;

const PARSERS: ReadonlyMap<string, (rest: string) => Parsed> = new Map([
  ["awskms://", parseAws],
  ["azurekms://", parseAzure],
  ["gcpkms://", parseGoogle],
  ["hashivault://", parseVault],
  ["pkcs11:", parsePkcs11],
]);

/**
 * Reads the key URIs that Fulcio takes (`awskms://`, `azurekms://`, `gcpkms://`, `hashivault://`), and those of PKCS#11
 * (RFC 7512). What such a URI does not say is not made up.
 */
export function parseKeyUri(uri: string): Parsed {
  for (const [scheme, parse] of PARSERS) {
    if (uri.startsWith(scheme)) return parse(uri.slice(scheme.length));
  }
  return { problem: `expected a URI that begins with ${[...PARSERS.keys()].join(", ")}` };
}

/** `awskms://[ENDPOINT]/KEY`: KEY is an ARN or an id; an alias is refused with the kind's own words. */
function parseAws(rest: string): Parsed {
  const { endpoint, key } = /^(?<endpoint>[^/]*)\/(?<key>.+)$/u.exec(rest)?.groups ?? {};
  if (key === undefined) return { problem: "expected awskms://[ENDPOINT]/KEY, where KEY is an ARN or an id" };
  return { kind: "aws-kms", members: { key, ...(endpoint ? { endpoint: `https://${endpoint}` } : {}) } };
}

/** `azurekms://VAULT/KEY/VERSION`: VAULT is the vault's host. */
function parseAzure(rest: string): Parsed {
  const { host, key, version } = /^(?<host>[^/]+)\/(?<key>[^/]+)(?:\/(?<version>[^/]+))?$/u.exec(rest)?.groups ?? {};
  if (host === undefined) return { problem: "expected azurekms://VAULT-HOST/KEY/VERSION" };
  return {
    kind: "azure-key-vault",
    members: { vault: `https://${host}`, key, ...(version === undefined ? {} : { version }) },
  };
}

/** `gcpkms://projects/…/cryptoKeyVersions/N`, where `versions` is another spelling. */
function parseGoogle(rest: string): Parsed {
  const { key, version } =
    /^(?<key>.+\/cryptoKeys\/[^/]+)\/(?:cryptoKeyVersions|versions)\/(?<version>[^/]+)$/u.exec(rest)?.groups ?? {};
  if (key === undefined || version === undefined) {
    return {
      problem: "expected gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N, with a version",
    };
  }
  return { kind: "google-kms", members: { keyVersion: `${key}/cryptoKeyVersions/${version}` } };
}

/** `hashivault://KEY`: the rest comes from the environment of Fulcio, and here stands beside the URI. */
function parseVault(rest: string): Parsed {
  return /^[^/]+$/u.test(rest) ? { kind: "vault", members: { key: rest } } : { problem: "expected hashivault://KEY" };
}

/** What of RFC 7512 §2.3 and §2.4 tells one key; the rest narrows what is exact already. */
function parsePkcs11(rest: string): Parsed {
  const [path = "", query = "", ...more] = rest.split("?");
  const attributes = more.length === 0 ? attributesOf([...path.split(";"), ...query.split("&")]) : undefined;
  if (attributes === undefined) return { problem: "expected pkcs11:NAME=VALUE;…?NAME=VALUE&… (RFC 7512 §2.3)" };
  const problem = pkcs11Problem(attributes);
  if (problem !== undefined) return { problem };
  const pinFile = attributes.get("pin-source")?.replace(/^file:(?:\/\/(?=\/))?/u, "");
  return {
    kind: "pkcs11",
    members: {
      ...group({ module: attributes.get("module-path"), pin: group({ file: pinFile }) }),
      ...group({
        token: group({ label: attributes.get("token"), serial: attributes.get("serial") }),
        key: group({ label: attributes.get("object"), id: hexOf(attributes.get("id")) }),
      }),
    },
  };
}

function pkcs11Problem(attributes: ReadonlyMap<string, string>): string | undefined {
  if (attributes.has("pin-value")) return "a PIN must not stand in a URI: write pin: { file: PATH } beside it";
  const isUnderstood = [...attributes.keys()].every((name) => UNDERSTOOD.has(name));
  if (!isUnderstood) return `of PKCS#11 URIs only ${[...UNDERSTOOD].join(", ")} are understood`;
  return (attributes.get("type") ?? "private") === "private" ? undefined : "type must be private";
}

const UNDERSTOOD: ReadonlySet<string> = new Set([
  "token",
  "serial",
  "object",
  "id",
  "type",
  "module-path",
  "pin-source",
]);

/** Attributes by name; `id` keeps its octets as Latin-1. Undefined when they are malformed or repeated. */
function attributesOf(written: readonly string[]): ReadonlyMap<string, string> | undefined {
  const attributes = new Map<string, string>();
  for (const attribute of written.filter((text) => text !== "")) {
    const { name, value } = /^(?<name>[a-z0-9_-]+)=(?<value>.*)$/su.exec(attribute)?.groups ?? {};
    if (name === undefined || value === undefined || attributes.has(name)) return undefined;
    const octets = octetsOf(value);
    if (octets === undefined) return undefined;
    attributes.set(name, octets.toString(name === "id" ? "latin1" : "utf8"));
  }
  return attributes;
}

/** Undoes percent-encoding (RFC 3986 §2.1). */
function octetsOf(value: string): Buffer | undefined {
  if (/%(?![0-9A-Fa-f]{2})/u.test(value)) return undefined;
  const parts = value.split(/(?<octet>%[0-9A-Fa-f]{2})/u);
  return Buffer.concat(
    parts.map((part) => (part.startsWith("%") ? Buffer.from(part.slice(1), "hex") : Buffer.from(part, "utf8"))),
  );
}

const hexOf = (octets: string | undefined): string | undefined =>
  octets === undefined ? undefined : Buffer.from(octets, "latin1").toString("hex");

/** What of the members is there; undefined when nothing is. */
function group(members: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const known = Object.entries(members).filter(([, value]) => value !== undefined);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}
