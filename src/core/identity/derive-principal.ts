import type { PermittedIdToken } from "./id-token.ts";
import { deriveCiProviderPrincipal } from "./kinds/ci-provider.ts";
import { deriveChainguardPrincipal } from "./kinds/chainguard.ts";
import { deriveEmailPrincipal } from "./kinds/email.ts";
import { deriveKubernetesPrincipal } from "./kinds/kubernetes.ts";
import { deriveSpiffePrincipal } from "./kinds/spiffe.ts";
import { deriveUriPrincipal } from "./kinds/uri.ts";
import { deriveUsernamePrincipal } from "./kinds/username.ts";
import type { Principal } from "./principal.ts";

/**
 * Who asks, by the rules of the issuer that vouches for them.
 *
 * @throws MayflyError `invalid_token` when a claim is missing or unfit, `policy_denied` when the name would not be one
 *   that this issuer may give
 */
export function derivePrincipal(token: PermittedIdToken): Principal {
  const rules = token.issuer.identity;
  switch (rules.kind) {
    case "ci-provider":
      return deriveCiProviderPrincipal(token, rules);
    case "email":
      return deriveEmailPrincipal(token, rules);
    case "uri":
      return deriveUriPrincipal(token, rules);
    case "username":
      return deriveUsernamePrincipal(token, rules);
    case "spiffe":
      return deriveSpiffePrincipal(token, rules);
    case "kubernetes":
      return deriveKubernetesPrincipal(token);
    case "chainguard":
      return deriveChainguardPrincipal(token);
  }
}
