const LOOPBACK = /^(127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|::1|localhost)$/u;

/** Whether a host name or address literal can only mean this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
