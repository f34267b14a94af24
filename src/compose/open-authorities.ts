import type { ActiveAuthorityConfig, AuthorityWindow, OtherAuthorityConfig } from "../config/ca-schema.ts";
import { assertSignerMatches, parseIssuerChain } from "../core/certificate/issuer-chain.ts";
import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import { MayflyError } from "../core/errors.ts";
import type { Signer } from "../ports/signer.ts";
import type { AuthorityKeys, HeldKey } from "./authority-keys.ts";
import { chainSetting } from "./read-authorities.ts";
import type { ReadAuthorities, ReadOtherAuthority } from "./read-authorities.ts";

/** The issuing CA that issues. */
export interface IssuingAuthority {
  readonly config: ActiveAuthorityConfig;
  /** Its times are those of its window, where that is narrower. */
  readonly chain: IssuerChain;
  readonly signer: Signer;
}

/** The issuing CAs of a configuration that can be issued with. */
export interface OpenedAuthorities {
  readonly read: ReadAuthorities;
  readonly issuing: IssuingAuthority;
  /** The staged ones before the retired ones. */
  readonly others: readonly ReadOtherAuthority[];
  /** Lets go of their keys. Never rejects. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the keys of the active issuing CA and of the staged ones that name theirs, each of which is that of its chain.
 *
 * @param nowMs wall clock: the active one's chain is valid
 * @throws MayflyError naming the setting; nothing stays open
 */
export async function openAuthorities(
  read: ReadAuthorities,
  keys: AuthorityKeys,
  nowMs: number,
): Promise<OpenedAuthorities> {
  const held: HeldKey[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(held.map(({ release }) => release()));
  };
  try {
    const { config, chain: itsChain } = read.active;
    const key = await keys.hold(config.signer, config, nowMs);
    held.push(key);
    const pem = itsChain?.pem.join("\n") ?? key.memoryChain ?? "";
    const chain = at(config, () => matching(parseIssuerChain(pem, nowMs), key.signer));
    for (const other of read.others) held.push(...(await holdStaged(other, keys, nowMs)));
    const issuing = { config, chain: within(chain, config.window), signer: key.signer };
    return Object.freeze({ read, issuing, others: read.others, close });
  } catch (error) {
    await close();
    throw error;
  }
}

/** A key that does not sign is found out before it is needed. */
async function holdStaged(
  { config, pem }: ReadOtherAuthority,
  keys: AuthorityKeys,
  nowMs: number,
): Promise<readonly HeldKey[]> {
  if (config.state !== "staged" || config.signer === undefined) return [];
  const key = await keys.hold(config.signer, config, nowMs);
  try {
    at(config, () => matching(parseIssuerChain(pem.join("\n"), undefined), key.signer));
    return [key];
  } catch (error) {
    await key.release();
    throw error;
  }
}

function matching(chain: IssuerChain, signer: Signer): IssuerChain {
  assertSignerMatches(chain, signer.publicKey);
  return chain;
}

/** What relying parties are told not to take is not issued. */
function within(chain: IssuerChain, { startMs, endMs }: AuthorityWindow): IssuerChain {
  return Object.freeze({
    ...chain,
    notBeforeMs: Math.max(chain.notBeforeMs, startMs ?? -Infinity),
    notAfterMs: Math.min(chain.notAfterMs, endMs ?? Infinity),
  });
}

function at<T>(config: ActiveAuthorityConfig | OtherAuthorityConfig, judge: () => T): T {
  try {
    return judge();
  } catch (cause) {
    if (!(cause instanceof MayflyError) || config.chain === undefined) throw cause;
    throw new MayflyError(cause.reason, chainSetting(config), { cause });
  }
}
