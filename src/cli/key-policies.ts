/** Key services that a policy is printed for, by the kind of their signers. */
export const POLICY_BACKENDS = ["vault", "aws-kms", "google-kms", "azure-key-vault", "pkcs11"] as const;

/** The kind of a signer that asks somebody for permission. */
export type PolicyBackend = (typeof POLICY_BACKENDS)[number];

/** The least that Mayfly needs to sign with one key of a service. */
export interface KeyPolicy {
  /** What is to be replaced, and what else is to be known. */
  readonly about: string;
  /** The policy, in the service's own language. */
  readonly policy: string;
  /** Commands that put it in force. */
  readonly commands?: string;
}

/** By kind of signer; docs/keys.md has the same texts. */
export const KEY_POLICIES: Readonly<Record<PolicyBackend, KeyPolicy>> = {
  vault: {
    about:
      "For each key; mayfly-ca is its name in the engine at transit. The Ed25519 key's first path is without the last /*.",
    policy:
      'path "transit/sign/mayfly-ca/*" { capabilities = ["update"] }\n' +
      'path "transit/keys/mayfly-ca"   { capabilities = ["read"] }\n',
  },
  "aws-kms": {
    about: "For each key; Resource is its ARN, and nothing wider.",
    policy: `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["kms:Sign", "kms:GetPublicKey"],
      "Resource": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  ]
}
`,
  },
  "google-kms": {
    about: "For each key; p is the project, mayfly the key ring, ca the key. The role is made once.",
    policy: "cloudkms.cryptoKeyVersions.useToSign\ncloudkms.cryptoKeyVersions.viewPublicKey\n",
    commands: `gcloud iam roles create mayflySigner --project p \\
  --permissions cloudkms.cryptoKeyVersions.useToSign,cloudkms.cryptoKeyVersions.viewPublicKey
gcloud kms keys add-iam-policy-binding ca --keyring mayfly --location europe-west3 \\
  --role projects/p/roles/mayflySigner --member serviceAccount:mayfly@p.iam.gserviceaccount.com
`,
  },
  "azure-key-vault": {
    about:
      "For each key; the scope is the key's own. The role is made once, from the first part as mayfly-signer.json.",
    policy: `{
  "Name": "Mayfly Signer",
  "AssignableScopes": ["/subscriptions/SUBSCRIPTION"],
  "DataActions": ["Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/keys/sign/action"]
}
`,
    commands: `az role definition create --role-definition @mayfly-signer.json
az role assignment create --role "Mayfly Signer" --assignee CLIENT-ID \\
  --scope /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/NAME/keys/ca
`,
  },
  pkcs11: {
    about:
      "For each key, when it is made; the PIN is that of the token's user. The public key object has the same CKA_ID.",
    policy: `CKA_TOKEN                TRUE
CKA_PRIVATE              TRUE
CKA_SENSITIVE            TRUE
CKA_EXTRACTABLE          FALSE
CKA_SIGN                 TRUE
CKA_DECRYPT              FALSE
CKA_UNWRAP               FALSE
CKA_DERIVE               FALSE
CKA_ALWAYS_AUTHENTICATE  FALSE
`,
  },
};
