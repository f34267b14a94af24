/** Paths that are none, most of them almost that of signing. */
export const WRONG_PATHS = [
  "/",
  "/api/v2",
  "/api/v2/signingcert",
  "/API/v2/signingCert",
  "/api/v2/signingCert/",
  "/api/v2//signingCert",
  "/api/v2/%73igningCert",
  "/%2e%2e/api/v2/signingCert",
  "/api/v2/signingCert%00",
  "/api/v2/signingCert%",
  "/%zz",
  "/api/v2/signingCert;x=1",
  "/constructor",
] as const;
