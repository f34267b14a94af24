import { geteuid } from "node:process";

const READABLE_BY_OTHERS = 0o004;
const WRITABLE_BY_GROUP_OR_OTHERS = 0o022;

/**
 * What is wrong with a secret file's permissions: any account of the machine can read it, its group or any account can
 * write it, or it belongs to an account that is neither this process's nor root, which can do both. Reading by the group is
 * not objected to: that is how Kubernetes hands a secret of root's to a process that is not root.
 *
 * @param status `mode` and `uid` of `stat`
 * @param self the account of this process; undefined where there are none
 * @returns undefined when nothing is
 */
export function describeExposure(
  { mode, uid }: { readonly mode: number; readonly uid: number },
  self: number | undefined = geteuid?.(),
): string | undefined {
  if (self !== undefined && uid !== self && uid !== 0) {
    return `belongs to another account (uid ${String(uid)}); it must be that of the service, or root's`;
  }
  if ((mode & (READABLE_BY_OTHERS | WRITABLE_BY_GROUP_OR_OTHERS)) === 0) return undefined;
  const permissions = (mode & 0o777).toString(8).padStart(4, "0");
  return `is open to other accounts (mode ${permissions}); set it to 0600, or 0640 for its group to read`;
}
