import { derChildren, parseDer } from "../../src/core/encoding/der-reader.ts";
import { contextTag, sequence } from "../../src/core/encoding/der-writer.ts";

/** A TBSCertificate taken apart: version to subjectPublicKeyInfo, and the extensions, each as DER. */
export interface TbsParts {
  readonly fields: Uint8Array[];
  readonly extensions: Uint8Array[];
}

/** Changes the parts in place. */
export type EditTbs = (parts: TbsParts) => void;

/** The TBS after `edit` changed its parts, put together again with correct lengths. */
export function editTbs(tbs: Uint8Array, edit: EditTbs): Uint8Array {
  const children = derChildren(parseDer(tbs));
  const extensions = derChildren(parseDer(children[7]!.content)).map(({ bytes }) => bytes);
  const parts = { fields: children.slice(0, 7).map(({ bytes }) => bytes), extensions };
  edit(parts);
  return sequence(...parts.fields, contextTag(3, sequence(...parts.extensions)));
}
