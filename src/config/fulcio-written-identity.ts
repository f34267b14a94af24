import { CiProviderError } from "../core/identity/ci-provider.ts";
import type { FulcioIssuer, FulcioIssuerFile } from "./fulcio-issuer-file.ts";
import { packIdentity, translateIdentity } from "./fulcio-identity.ts";
import { fulcioProviderDefinition } from "./fulcio-provider.ts";
import type { CompanionFile } from "./fulcio-section.ts";
import type { IdentityInput } from "./identity-schema.ts";
import { patternFault } from "./issuer-rules.ts";
import { findMatchingPack } from "./matching-pack.ts";
import { nearestName } from "./nearest-name.ts";
import { packName, writeProviderPack } from "./write-provider-pack.ts";

/** An issuer's identities as they stand in a configuration, or why they cannot. */
export type WrittenIdentity =
  /** `file` is the pack that `settings` name, where none of Mayfly's makes the same certificates. */
  | { readonly kind: "settings"; readonly settings: IdentityInput; readonly file?: CompanionFile }
  /** Fulcio takes its tokens, Mayfly cannot. */
  | { readonly kind: "missing"; readonly reason: string }
  /** Fulcio takes none of its tokens either. */
  | { readonly kind: "unused"; readonly reason: string };

type WriteIdentity = (issuer: FulcioIssuer) => WrittenIdentity;

/** The identities of a file's issuers as our configuration says them; what is not exactly the same is `missing`. */
export function writeIdentities(file: FulcioIssuerFile): WriteIdentity {
  const providers = new Map([...file.ciMetadata.keys()].map((name) => [name, writtenProvider(name, file)]));
  return (issuer) => writtenIdentity(issuer, providers);
}

function writtenIdentity(issuer: FulcioIssuer, providers: ReadonlyMap<string, WriteIdentity>): WrittenIdentity {
  if (issuer.type !== "email" && issuer["issuer-claim"] !== "") {
    return { kind: "missing", reason: "only issuers of type email can have an issuer-claim" };
  }
  const translated = translateIdentity(issuer);
  if (translated === undefined) return { kind: "unused", reason: "Fulcio has no identities of this type" };
  if (translated.kind === "settings") return translated;
  const { provider } = translated;
  const write = providers.get(provider);
  if (write !== undefined) return write(issuer);
  const nearest = nearestName(provider, [...providers.keys()]);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  return { kind: "unused", reason: `ci-issuer-metadata has no ${provider}, so Fulcio refuses its tokens${hint}` };
}

function writtenProvider(name: string, { ciMetadata, issuers }: FulcioIssuerFile): WriteIdentity {
  const metadata = ciMetadata.get(name);
  if (metadata === undefined) throw new TypeError("no such provider");
  const definition = fulcioProviderDefinition(name, metadata);
  try {
    const pack = findMatchingPack(definition);
    if (pack !== undefined) {
      const { provider, settings } = pack;
      return (issuer) => ({ kind: "settings", settings: packIdentity(provider, issuer, settings) });
    }
  } catch (error) {
    if (!(error instanceof CiProviderError)) throw error;
    const reason = `ci-issuer-metadata, ${name}, ${error.field}: ${error.message}`;
    return () => ({ kind: "missing", reason });
  }
  const urls = issuers
    .filter((issuer) => issuer["ci-provider"] === name && isUrlOrPattern(issuer))
    .map(({ key }) => key);
  const file = {
    name: packFile(name, [...ciMetadata.keys()]),
    text: writeProviderPack(definition, urls, ["Written by `mayfly config from-fulcio`, of ci-issuer-metadata."]),
  };
  return () => ({ kind: "settings", settings: { kind: "ci-provider", providerFile: file.name }, file });
}

/** What a pack may name; of others, no entry will use the pack. */
const isUrlOrPattern = ({ key }: FulcioIssuer): boolean => !key.includes("*") || patternFault(key, true) === undefined;

/** Fulcio's names of providers are any text; two of them may have one in common as names of files. */
function packFile(name: string, all: readonly string[]): string {
  const count = all.filter((other) => packName(other) === packName(name)).indexOf(name);
  return `provider-${packName(name)}${count === 0 ? "" : `-${count + 1}`}.yaml`;
}
