/** How the records of a log are called wherever one of them is not as it must be. */
export const PLACE = {
  manifest: "manifest",
  head: "head",
  published: "published checkpoint",
  entry: (index: number): string => `entry ${index}`,
  tile: (level: number, index: number): string => `tile ${level}/${index}`,
  issuer: (fingerprint: Uint8Array): string => `issuer ${Buffer.from(fingerprint).toString("hex")}`,
} as const;
