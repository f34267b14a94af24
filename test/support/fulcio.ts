import { readFileSync } from "node:fs";
import { parseFulcioDocument } from "../../src/config/fulcio-document.ts";
import { parseFulcioArguments } from "../../src/config/fulcio-flags.ts";
import { readFulcioIssuerFile } from "../../src/config/fulcio-issuer-file.ts";
import type { FulcioIssuerFile } from "../../src/config/fulcio-issuer-file.ts";
import { resolveFulcioSettings } from "../../src/config/fulcio-settings.ts";
import { translateFulcio } from "../../src/config/fulcio-translation.ts";
import type { FulcioInstallation, FulcioTranslation } from "../../src/config/fulcio-translation.ts";

/** The issuer file that Fulcio ships with. */
export const SHIPPED_ISSUERS = readFileSync(new URL("../vectors/fulcio/issuers.yaml", import.meta.url), "utf8");

/** An issuer file of Fulcio's by its text. */
export const fulcioIssuers = (text: string): FulcioIssuerFile =>
  readFulcioIssuerFile(parseFulcioDocument(text, "issuers"));

/** One issuer that can be taken over as it is. */
export const ONE_ISSUER = `
oidc-issuers:
  https://login.example.com:
    issuer-url: https://login.example.com
    client-id: sigstore
    type: email
`;

/** Flags of a Fulcio that can be taken over as a whole. */
export const FILE_CA = [
  "--ca=fileca",
  "--fileca-cert=/ca/chain.pem",
  "--fileca-key=/ca/key.pem",
  "--ct-log-public-key-path=/ctlog/public.pem",
];

/** The translation of a Fulcio with these flags, where nothing has to be decided but what they bring. */
export function translateFlags(flags: readonly string[], given: Partial<FulcioInstallation> = {}): FulcioTranslation {
  const { settings } = resolveFulcioSettings({ flags: parseFulcioArguments(flags), env: {} });
  return translateFulcio({
    settings,
    issuers: fulcioIssuers(ONE_ISSUER),
    publicUrl: "https://ca.example.com",
    sharedIssuers: "undecided",
    hasFolder: true,
    ...given,
  });
}
