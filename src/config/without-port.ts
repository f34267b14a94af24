/** Scheme and host of a URL. */
export function withoutPort(url: string): string {
  const { protocol, hostname } = new URL(url);
  return `${protocol}//${hostname}`;
}
