import type { AuthorityConfig } from "../config/ca-schema.ts";
import type { ReadAuthorities } from "./read-authorities.ts";

/** What a change of issuing CAs is judged by. */
export interface AuthorityChangeContext {
  readonly nowMs: number;
  /** How long a certificate that is made now is valid. */
  readonly lifetimeMs: number;
}

interface Known {
  readonly config: AuthorityConfig;
  /** Every certificate of the chain, issuing CA first; undefined for a chain that a memory signer makes. */
  readonly certificates: readonly Uint8Array[] | undefined;
}

/** From which state to which an issuing CA of a running service may go; to its own always. */
const NEXT = { staged: "active", active: "retired", retired: undefined } as const satisfies Record<
  AuthorityConfig["state"],
  AuthorityConfig["state"] | undefined
>;

/**
 * Compares the issuing CAs in force with those that a configuration wants, and says what speaks against the change, a sentence
 * each. An issuing CA is known by its certificate. Staged, it may become active, and active, it may become retired; what has
 * never issued may come and go, and one that is new does not begin by issuing, as nobody has been told of it.
 */
export function refuseAuthorityChange(
  before: ReadAuthorities,
  after: ReadAuthorities,
  context: AuthorityChangeContext,
): readonly string[] {
  const known = new Map(listed(before).map((one) => [identityOf(one), one]));
  const wanted = listed(after);
  const kept = new Set(wanted.map(identityOf));
  const { config: issuing } = before.active;
  const gone = kept.has(identityOf({ config: issuing, certificates: before.active.chain?.certificates }))
    ? []
    : [`issuing CA ${issuing.name} is gone, and what it certified must stay to be verified: make it retired`];
  return [
    ...gone,
    ...wanted.flatMap((one) => {
      const old = known.get(identityOf(one));
      return old === undefined ? refusalsOfNew(one.config) : refusalsOfChanged(old, one, context);
    }),
  ];
}

function listed({ active, others }: ReadAuthorities): readonly Known[] {
  return [active, ...others].map(({ config, chain }) => ({ config, certificates: chain?.certificates }));
}

function identityOf({ certificates }: Known): string {
  return certificates === undefined ? "memory" : Buffer.from(certificates[0] ?? []).toString("base64");
}

function refusalsOfNew({ name, state }: AuthorityConfig): readonly string[] {
  if (state !== "active") return [];
  return [`issuing CA ${name} is new: it is staged first, so that relying parties know it before it issues`];
}

function refusalsOfChanged(old: Known, wanted: Known, context: AuthorityChangeContext): readonly string[] {
  const { name, state } = wanted.config;
  const from = old.config.state;
  const refusals: string[] = [];
  if (from !== state && NEXT[from] !== state) refusals.push(`issuing CA ${name} cannot go from ${from} to ${state}`);
  // Verifiers compare chains as a whole: one root instead of another would be a new CA with an old name.
  if (from !== "staged" && !isSameChain(old, wanted)) {
    refusals.push(`the certificates above issuing CA ${name} have changed, which verifiers would not follow`);
  }
  if (from === "staged" && state === "active") refusals.push(...refusalsOfActivated(wanted.config, context));
  if (from === "active" && state === "retired") refusals.push(...refusalsOfRetired(wanted.config, context));
  return refusals;
}

/** A start cannot choose; a hand-over would stop issuance that goes on by the CA before. */
function refusalsOfActivated({ name, window }: AuthorityConfig, context: AuthorityChangeContext): readonly string[] {
  const { startMs = -Infinity, endMs = Infinity } = window;
  if (startMs <= context.nowMs && endMs >= lastEndMs(context)) return [];
  return [`issuing CA ${name} cannot be active now: its window does not cover a certificate made now`];
}

function refusalsOfRetired({ name, window }: AuthorityConfig, context: AuthorityChangeContext): readonly string[] {
  const lastMs = lastEndMs(context);
  if ((window.endMs ?? Infinity) >= lastMs) return [];
  const earliest = new Date(lastMs).toISOString();
  return [`issuing CA ${name} ends before the last certificate that it issues: not before ${earliest}`];
}

/** When a certificate ends that is made now. */
const lastEndMs = ({ nowMs, lifetimeMs }: AuthorityChangeContext): number => nowMs + lifetimeMs;

function isSameChain(one: Known, other: Known): boolean {
  const text = ({ certificates = [] }: Known): string =>
    certificates.map((der) => Buffer.from(der).toString("base64")).join();
  return text(one) === text(other);
}
