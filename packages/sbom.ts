/** A bill of materials in CycloneDX's format, as far as it is changed here. */
export interface Sbom {
  readonly serialNumber?: string;
  readonly metadata: {
    readonly timestamp?: string;
    readonly tools?: unknown;
    readonly component: { readonly name: string };
  };
}

/**
 * Makes a bill of materials the same each time: without its random number and time, and without the versions of the
 * tools that made it. npm names the package after its directory.
 */
export function reproducible(sbom: Sbom, name: string): Sbom {
  const { serialNumber, metadata, ...rest } = sbom;
  const { timestamp, tools, component, ...others } = metadata;
  return { ...rest, metadata: { ...others, component: { ...component, name } } };
}
