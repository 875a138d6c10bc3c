/**
 * Makes instanceof recognise instances that another copy of the package made. A process has several
 * copies if two versions are installed, if one part of it loads the package by require and another by
 * import, or if each of several vm contexts loads its own. A program's own subclasses are recognised as
 * usual, by their prototypes.
 */
export function recogniseAcrossCopies(
  ofPackage: { readonly prototype: object },
  name: string,
): void {
  const brand = Symbol.for(`wg-bridge.${name}`);
  Object.defineProperty(ofPackage.prototype, brand, { value: true });
  Object.defineProperty(ofPackage, Symbol.hasInstance, {
    value(this: object, value: unknown): boolean {
      if (this === ofPackage) return typeof value === "object" && value !== null && brand in value;
      return Function.prototype[Symbol.hasInstance].call(this, value);
    },
  });
}
