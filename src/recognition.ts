/** What instanceof needs of a class. */
interface Recognised {
  readonly prototype: object;
}

/**
 * Makes instanceof recognise instances of this class that another copy of the package made. A process
 * holds several copies if two versions are installed, if a loader takes a part by require and the rest by
 * import, or if each of several vm contexts has its own. A subclass of a program's own is recognised as
 * usual, by its prototype.
 */
export function recogniseAcrossCopies(recognised: Recognised, name: string): void {
  const brand = Symbol.for(`wg-bridge.${name}`);
  Object.defineProperty(recognised.prototype, brand, { value: true });
  Object.defineProperty(recognised, Symbol.hasInstance, {
    value(this: Recognised, value: unknown): boolean {
      if (this === recognised) return typeof value === "object" && value !== null && brand in value;
      return Function.prototype[Symbol.hasInstance].call(this, value);
    },
  });
}
