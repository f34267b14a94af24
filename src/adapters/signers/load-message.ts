/**
 * Signed when a key is opened, and to find out whether one that failed signs again. It is text: no parser takes it for a
 * TBSCertificate, an SCT, a tree head or a note, so the signature is worth nothing to whoever sees it.
 */
export const LOAD_MESSAGE = new TextEncoder().encode("Mayfly: proof at load that this signer holds the key it names");
