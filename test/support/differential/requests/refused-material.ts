import { pemOf } from "../../caller-keys.ts";
import { opensslCsr } from "../../openssl-csr.ts";
import { REFUSED_CSRS, UNRECOGNIZED_ALGORITHMS, UNUSUAL_PAIRS } from "../../refused-csrs.ts";
import { REFUSED_KEYS, WEAK_ED25519_KEYS } from "../../refused-keys.ts";
import { keys, REFUSED_PROOFS } from "../../refused-proofs.ts";
import { proofBy } from "../../signing-body.ts";
import { signing } from "../request.ts";
import type { DifferentialRequest } from "../request.ts";
import { csrRows, keyRows } from "./material-rows.ts";

/** Keys that Mayfly never certifies, with a proof that is none of theirs. */
export const KEYS: readonly DifferentialRequest[] = [...REFUSED_KEYS, ...WEAK_ED25519_KEYS].map(
  ([row, name, publicKey]) =>
    signing(`${row} ${name}`, ({ token }) => ({ token: token(), publicKey, proof: proofBy(keys["ecdsa-p256"]) }), {
      rows: keyRows(name),
    }),
);

/** Certification requests that Mayfly never grants. */
export const CERTIFICATION_REQUESTS: readonly DifferentialRequest[] = [
  ...REFUSED_CSRS.map(([row, name, csr]) =>
    signing(`${row} ${name}`, ({ token }) => ({ token: token(), csr }), { rows: csrRows(row, name) }),
  ),
  ...UNRECOGNIZED_ALGORITHMS.map(([name, key, args]) => byOpenssl(name, key, args)),
  ...UNUSUAL_PAIRS.map(([type, digest]) => byOpenssl(`${type} with ${digest.slice(1)}`, keys[type], [digest])),
];

/** Proofs that prove nothing, each with the key that it should be of. */
export const PROOFS: readonly DifferentialRequest[] = REFUSED_PROOFS.map(({ row, name, key, proof }) =>
  signing(`${row} ${name}`, ({ token }) => ({ token: token(), publicKey: pemOf(key.publicKey), proof }), {
    rows: /raw r‖s (?:two octets long|as long as for P-384)$/u.test(name) ? ["raw r‖s"] : [],
  }),
);

function byOpenssl(name: string, key: Parameters<typeof opensslCsr>[0], args: readonly string[]): DifferentialRequest {
  const csr = opensslCsr(key, { args });
  // Go checks these signatures first, and cannot.
  const rows = /^(?:MD5|SHA-224|SHA3|RSASSA)/u.test(name) ? ["order of key checks"] : [];
  return signing(`signed by ${name}`, ({ token }) => ({ token: token(), csr }), { rows });
}
