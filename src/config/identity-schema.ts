import { z } from "zod";
import { ciProviderSchema, githubActionsSchema, providerSchema } from "./ci-identity-schema.ts";
import { isMailDomain } from "../core/identity/mailbox.ts";
import { object } from "./strict-object.ts";

/** Of a claim that leads to another one: `$`, then names of members. */
const CLAIM_PATH = /^\$(?:\.[A-Za-z0-9_-]+){1,8}$/u;

/** RFC 1123 §2.1 in lower case; what stands in certificates is compared byte for byte. */
const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/u;

/** SPIFFE-ID §2.1, in labels that the host of a URI can have. */
const TRUST_DOMAIN = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/u;

const isHost = (text: string): boolean => HOST.test(text);

/** A list entry without its `*.`. */
const baseDomain = (entry: string): string => (entry.startsWith("*.") ? entry.slice(2) : entry);

const emailDomain = z
  .string()
  .refine(
    (entry) => isMailDomain(baseDomain(entry)) && entry === entry.toLowerCase(),
    "expected a domain in lower case as example.com, or *.example.com for all below it",
  );

/** A person by an e-mail address. */
export const emailSchema = object({
  kind: z.literal("email"),
  emailTrust: z
    .enum(["verified", "tenant-pinned", "unverified", "forbidden"])
    .default("verified")
    .describe(
      "What the issuer's word about an address is worth. verified: email_verified must be true. tenant-pinned: it may be " +
        "missing, because the issuer serves one tenant that owns `domains`. unverified: any address is taken. forbidden: none.",
    ),
  acceptTextVerified: z
    .boolean()
    .default(false)
    .describe('Take the texts "true" and "True" of email_verified for the boolean, as Fulcio does for every issuer.'),
  domains: z
    .array(emailDomain)
    .min(1)
    .max(1000)
    .readonly()
    .optional()
    .describe(
      "Domains that addresses must belong to; *.example.com is all below example.com and not itself. Any if left out.",
    ),
  issuerClaim: z
    .string()
    .regex(CLAIM_PATH, "expected a path of plain names as $.federated_claims.connector_id")
    .transform((path): readonly string[] => Object.freeze(path.split(".").slice(1)))
    .optional()
    .describe(
      "Claim that certificates name as the issuer, for an issuer that passes on what others say. Its own URL if left out.",
    ),
});

const uri = object({
  kind: z.literal("uri"),
  subjectDomain: z
    .string()
    .refine((origin) => /^https?:\/\//u.test(origin), "expected a scheme: https://host")
    .refine((origin) => isOrigin(origin), "expected https://host in lower case, perhaps with a port, and nothing else")
    .describe(
      "Scheme, host and port that each subject begins with; the scheme and the owner of the domain are the issuer's.",
    ),
});

function isOrigin(text: string): boolean {
  const { host = "", port = "1" } =
    /^https?:\/\/(?<host>[^:/]*)(?::(?<port>[1-9][0-9]{0,4}))?$/u.exec(text)?.groups ?? {};
  return isHost(host) && Number(port) < 65_536;
}

const username = object({
  kind: z.literal("username"),
  subjectDomain: z
    .string()
    .refine((domain) => !domain.includes("://"), "expected a host name without a scheme")
    .refine((domain) => domain.includes("://") || isHost(domain), "expected a host name in lower case")
    .describe("Domain whose users the subjects are, as in alice!example.com; its owner is the issuer's."),
});

const spiffe = object({
  kind: z.literal("spiffe"),
  trustDomain: z
    .string()
    .regex(TRUST_DOMAIN, "expected the name of a trust domain as example.org: lower case, without spiffe://")
    .describe("SPIFFE trust domain of the subjects; no parent and no child of it will do."),
});

/** A service account of a Kubernetes cluster. */
export const kubernetesSchema = object({ kind: z.literal("kubernetes") });

/** An identity of Chainguard's. */
export const chainguardSchema = object({ kind: z.literal("chainguard") });

/**
 * How the identity in an issuer's tokens becomes the name in the certificate: one alternative for each kind of
 * `IdentityRules` (core/identity/issuer.ts), by the same name.
 */
export const identitySchema = z
  .discriminatedUnion("kind", [
    emailSchema,
    uri,
    username,
    spiffe,
    kubernetesSchema,
    chainguardSchema,
    providerSchema,
    ciProviderSchema,
    githubActionsSchema,
  ])
  .describe("How the identity in this issuer's tokens becomes the name in the certificate.");

/** Identities as written, before defaults. */
export type IdentityInput = z.input<typeof identitySchema>;

/** Identities of an issuer as configured. */
export type IdentityConfig = z.output<typeof identitySchema>;
