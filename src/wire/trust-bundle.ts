/** dev.sigstore.fulcio.v2.TrustBundle. */
export interface TrustBundle {
  /** PEM with a final newline, as Fulcio gives here and only here: issuing CA first, root last. */
  readonly chains: readonly { readonly certificates: readonly string[] }[];
}

/**
 * The answer to whoever asks which CAs to trust.
 *
 * @param chains the CA chains to trust, PEM without final newlines
 */
export function buildTrustBundle(chains: readonly (readonly string[])[]): TrustBundle {
  return { chains: chains.map((chain) => ({ certificates: chain.map((certificate) => `${certificate}\n`) })) };
}
