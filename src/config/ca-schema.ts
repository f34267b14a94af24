import { z } from "zod";
import { pathSchema } from "./secret-schema.ts";
import { signerSchema } from "./signer-schema.ts";
import type { SignerConfig } from "./signer-schema.ts";
import { object } from "./strict-object.ts";
import { timeSchema } from "./time-schema.ts";

/** When what an issuing CA certifies is valid, milliseconds since the Unix epoch, ends included; open where undefined. */
export interface AuthorityWindow {
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
}

/** What every issuing CA has, whatever becomes of it. */
interface AuthorityIdentity {
  /** What metrics, messages and log lines call it. */
  readonly name: string;
  readonly window: AuthorityWindow;
  /** Where it stands in the file. */
  readonly place: readonly PropertyKey[];
}

/** The issuing CA that issues. A memory signer makes its own chain. */
export interface ActiveAuthorityConfig extends AuthorityIdentity {
  readonly state: "active";
  readonly chain: string | undefined;
  readonly signer: SignerConfig;
}

/**
 * An issuing CA that does not issue: `staged`, relying parties are told of it before it does; `retired`, it has, and what it
 * certified is still to be verified. The key of a staged one is tried where it is named, that of a retired one is not used.
 */
export interface OtherAuthorityConfig extends AuthorityIdentity {
  readonly state: "staged" | "retired";
  readonly chain: string;
  readonly signer?: SignerConfig | undefined;
}

/** One issuing CA as configured. */
export type AuthorityConfig = ActiveAuthorityConfig | OtherAuthorityConfig;

/** Each is in every trust file, and asked for by each verifier. */
const MAX_AUTHORITIES = 32;

/** What a CA is called that has only one issuing CA. */
const ONLY_AUTHORITY = "ca";

const ALWAYS: AuthorityWindow = Object.freeze({ startMs: undefined, endMs: undefined });

const chain = pathSchema.describe("PEM chain, issuing CA first, self-signed root last.");

const milliseconds = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Date.parse(time);

const start = timeSchema
  .optional()
  .describe("Nothing that it certifies is valid before; the start of its chain when left out.");
const end = timeSchema.describe("Nothing that it certifies is valid after.");

const window = object({ start, end: end.optional() });
const closedWindow = object({ start, end });

const identity = {
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?$/u, "expected a short name of lower-case letters, digits, . _ and -")
    .describe("What metrics and log lines call the issuing CA."),
  chain,
};
const WINDOW = "When what it certifies is valid, as relying parties are told; outside of it nothing is issued.";

const authority = z.discriminatedUnion("state", [
  object({
    ...identity,
    state: z.literal("active").describe("Issues; exactly one issuing CA does."),
    signer: signerSchema,
    window: window.optional().describe(WINDOW),
  }),
  object({
    ...identity,
    state: z.literal("staged").describe("Relying parties are told of it; issues nothing."),
    signer: signerSchema.optional(),
    window: window.optional().describe(WINDOW),
  }),
  object({
    ...identity,
    state: z.literal("retired").describe("Issues nothing more, and stays for what it certified."),
    signer: signerSchema.optional(),
    window: closedWindow.describe("When what it certified is valid; its end is that of its last certificate or later."),
  }),
]);

type WrittenAuthority = z.output<typeof authority>;

/** The CA: what all issuing CAs share, and the issuing CAs. A CA that has only one is written without a list. */
export const caSchema = object({
  chain: pathSchema
    .optional()
    .describe("PEM chain, issuing CA first, self-signed root last. Left out only with a memory signer."),
  signer: signerSchema.optional(),
  authorities: z
    .array(authority)
    .min(1)
    .max(MAX_AUTHORITIES)
    .readonly()
    .optional()
    .describe("Every issuing CA that relying parties are to know, the retired ones too; instead of chain and signer."),
  lifetimeSeconds: z.int().min(60).max(3600).default(600).describe("Validity of a certificate, from notBefore."),
  backdateSeconds: z
    .int()
    .min(0)
    .max(60)
    .default(0)
    .describe("How far notBefore lies in the past, for verifiers whose clocks are behind."),
})
  .meta({ oneOf: [{ required: ["signer"] }, { required: ["authorities"] }] })
  .transform((written, context) => {
    const { lifetimeSeconds, backdateSeconds } = written;
    return Object.freeze({ authorities: authoritiesOf(written, context), lifetimeSeconds, backdateSeconds });
  });

interface WrittenCa {
  readonly chain?: string | undefined;
  readonly signer?: SignerConfig | undefined;
  readonly authorities?: readonly WrittenAuthority[] | undefined;
}

function authoritiesOf(written: WrittenCa, context: z.core.$RefinementCtx): readonly AuthorityConfig[] {
  const { authorities } = written;
  if (authorities === undefined) return onlyAuthority(written, context);
  for (const name of (["chain", "signer"] as const).filter((member) => written[member] !== undefined)) {
    context.addIssue({ code: "custom", path: [name], message: "belongs to an issuing CA: write it in ca.authorities" });
  }
  return Object.freeze(
    authorities.map(({ window: itsWindow, ...one }, at) => {
      const { start: first, end: last } = itsWindow ?? {};
      const ms = Object.freeze({ startMs: milliseconds(first), endMs: milliseconds(last) });
      return Object.freeze({ ...one, window: ms, place: Object.freeze(["ca", "authorities", at]) });
    }),
  );
}

function onlyAuthority({ chain: path, signer }: WrittenCa, context: z.core.$RefinementCtx): readonly AuthorityConfig[] {
  if (signer === undefined) {
    const message = "required, unless the CA is written as ca.authorities";
    context.addIssue({ code: "custom", path: ["signer"], message });
    return [];
  }
  const place = Object.freeze(["ca"]);
  return Object.freeze([
    Object.freeze({ name: ONLY_AUTHORITY, state: "active", chain: path, signer, window: ALWAYS, place } as const),
  ]);
}
