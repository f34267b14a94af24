const KNOWN = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"] as const;

const LABELS: ReadonlyMap<string, string> = new Map(KNOWN.map((method) => [method, method.toLowerCase()]));

/** Whether a request's method is one of RFC 9110 §9.3 or PATCH (RFC 5789); others are whatever a caller liked to write. */
export function isKnownMethod(method: string): boolean {
  return LABELS.has(method);
}

/** Metric label of a method, one of ten: Fulcio's lower-case name, or `unknown`. */
export function methodLabel(method: string): string {
  return LABELS.get(method) ?? "unknown";
}
