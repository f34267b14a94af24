import { X509Certificate } from "node:crypto";
import type { Expiry } from "../adapters/telemetry/expiry-metrics.ts";
import type { AuthorityWindow } from "../config/ca-schema.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import type { OpenedAuthorities } from "./open-authorities.ts";

/** What of a CA has an end. */
interface Ending {
  readonly config: { readonly name: string; readonly window: AuthorityWindow };
  readonly chain: { readonly certificates: readonly Uint8Array[] };
}

/**
 * Every end that stops issuance, now or when the issuing CA or shard is activated: certificates of chains, windows. What is
 * retired or frozen has ended already.
 */
export function expiriesOf(
  { issuing, others }: Pick<OpenedAuthorities, "issuing" | "others">,
  shards: readonly ShardConfig[],
): readonly Expiry[] {
  const staged = others.filter(({ config }) => config.state === "staged");
  return [...[issuing, ...staged].flatMap(endsOfAuthority), ...shards.flatMap(endOfShard)];
}

function endsOfAuthority({ config: { name, window }, chain: { certificates } }: Ending): readonly Expiry[] {
  const last = certificates.length - 1;
  const ofCertificates = certificates.map((der, at): Expiry => {
    const what = at === last ? "root-certificate" : at === 0 ? "issuing-certificate" : "intermediate-certificate";
    return { what, name, endMs: new X509Certificate(der).validToDate.getTime() };
  });
  const soonest = new Map<Expiry["what"], Expiry>();
  for (const one of ofCertificates.toSorted((a, b) => b.endMs - a.endMs)) soonest.set(one.what, one);
  const ofWindow: Expiry[] = window.endMs === undefined ? [] : [{ what: "ca-window", name, endMs: window.endMs }];
  return [...soonest.values(), ...ofWindow];
}

function endOfShard({ name, state, window }: ShardConfig): readonly Expiry[] {
  return state === "frozen" || window === undefined ? [] : [{ what: "log-window", name, endMs: window.endMs }];
}
