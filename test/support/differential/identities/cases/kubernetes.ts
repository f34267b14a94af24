import type { Claims, GoodToken, TokenCase } from "../token-case.ts";
import { tokensLike } from "../token-case.ts";

const NAMES = ["Kubernetes: names"];

/** Claims of a service account, and what is to be otherwise in the claim of Kubernetes. */
const account = (namespace: string, name: string, changes: object = {}): Claims => ({
  sub: `system:serviceaccount:${namespace}:${name}`,
  "kubernetes.io": {
    namespace,
    serviceaccount: { name, uid: "0b4e6ad7-8f0c-4d8a-b1c5-6a0c1c9d2e11" },
    ...changes,
  },
});

/** A token of a service account. */
export const ACCOUNT: GoodToken = {
  issuer: "https://cluster.example.com",
  claims: { ...account("build", "releaser") },
};

const pod = tokensLike(ACCOUNT);

const inNamespace = (namespace: string): Claims => ({ ...account(namespace, "releaser") });
const named = (name: string): Claims => ({ ...account("build", name) });
const saying = (claim: unknown): Claims => ({ "kubernetes.io": claim });

const GUID = "aaaaaaaa-0000-4000-8000-00000000000";

/** Service accounts of Kubernetes. */
export const KUBERNETES: readonly TokenCase[] = [
  pod("a service account"),
  pod(
    "a service account that a pod has",
    account("build", "releaser", { pod: { name: "a", uid: "b" }, node: { name: "n" }, warnafter: 1_800_000_000 }),
  ),
  pod("two audiences", { aud: ["https://kubernetes.default.svc", "sigstore"] }),
  ...["1", "a-b", "n".repeat(63)].map((namespace) => pod(`the namespace ${namespace}`, inNamespace(namespace))),
  ...["A", "a.b", "a_b", "-a", "a-", "n".repeat(64), "a b", "a/b", "..", "é", "a%2fb", "a#b", "a?b"].map((namespace) =>
    pod(`the namespace ${namespace}`, inNamespace(namespace), { rows: NAMES }),
  ),
  ...["1", "a.b-c", `${"a".repeat(63)}.${"b".repeat(63)}`, "a".repeat(253)].map((name) =>
    pod(`the account ${name}`, named(name)),
  ),
  ...["A", "a..b", ".a", "a.", "a_b", "a/b", "..", "a b", "é", "a#b?c", "a".repeat(254)].map((name) =>
    pod(`the account ${name}`, named(name), { rows: NAMES }),
  ),
  pod("a percent sign that begins no escape", named("100%"), { rows: ["claims unfit for a certificate"] }),
  pod("an empty namespace", inNamespace(""), { rows: NAMES }),
  pod("an empty account", named(""), { rows: NAMES }),
  pod("another account as the subject", { sub: "system:serviceaccount:build:other" }, { rows: NAMES }),
  pod("a subject that is no account", { sub: "jane" }, { rows: NAMES }),
  pod("no subject", { sub: undefined }, { rows: ["`sub`"] }),
  pod("nothing of Kubernetes", saying(undefined), { rows: NAMES }),
  pod("null of Kubernetes", saying(null), { rows: NAMES }),
  pod("nothing but the namespace", saying({ namespace: "build" }), { rows: NAMES }),
  pod("names in capitals", saying({ Namespace: "build", ServiceAccount: { Name: "releaser" } }), {
    rows: ["claim and header names"],
  }),
  pod("a text of Kubernetes", saying("build")),
  pod("a list of Kubernetes", saying([])),
  pod("a number as the namespace", account("build", "releaser", { namespace: 7 })),
  pod("a text as the account", account("build", "releaser", { serviceaccount: "releaser" })),
  pod("a number as the account", account("build", "releaser", { serviceaccount: { name: 7 } })),
];

/** Service accounts of clusters at cloud providers. */
export const CLOUDS: readonly TokenCase[] = [
  ...[
    "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6A2D30341AD01E1B6D48164CB",
    "https://container.googleapis.com/v1/projects/a-project/locations/us-west1-b/clusters/a-cluster",
    `https://westeurope.oic.prod-aks.azure.com/${GUID}1/${GUID}2`,
    `https://westeurope.oic.prod-aks.azure.com/${GUID}3/${GUID}4/`,
    `https://oidc.prod-aks.azure.com/${GUID}5`,
    `https://oidc.prod-aks.azure.com/${GUID}6/`,
    `https://oidc.prod-aks.azure.com/${GUID}7/${GUID}8`,
  ].map((issuer) => pod(`a cluster at ${issuer}`, {}, { issuer })),
  ...[
    "https://oidc.eks.us.west.amazonaws.com/id/B02C93B6A2D30341",
    "https://oidc.eks.us-west-2.amazonaws.com/id/",
    "https://oidc.eks.us-west-2.amazonaws.com/id/a/b",
    "https://oidc.eks.us-west-2.amazonaws.com/id/a%2Fb",
    "https://oidc.eks.us-west-2.amazonaws.com.evil.example/id/a",
    "https://container.googleapis.com/v1/projects/a.b/locations/c/clusters/d",
    `https://westeurope.oic.prod-aks.azure.com/${GUID}1`,
    `https://oidc.prod-aks.azure.com/${GUID}7/${GUID}8/`,
    "http://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6A2D30341",
    "http://localhost?x=https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6A2D30341",
  ].map((iss) => pod(`nothing at ${iss}`, { iss })),
];
