import { MayflyError } from "../../../core/errors.ts";

/**
 * Loads a package that only one kind of signer needs, and that not every installation has.
 *
 * @param load `() => import(NAME)`, with the name written out for tools that look for it
 * @throws MayflyError `signer_failed` (SIGNER_PACKAGE_MISSING) saying what to install
 */
export async function importPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new MayflyError(
      "SIGNER_PACKAGE_MISSING",
      `this signer needs the package ${name}, which cannot be loaded: npm install ${name}`,
      { cause },
    );
  }
}
