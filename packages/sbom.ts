/** A bill of materials in CycloneDX's format, as far as it is changed here. */
export interface Sbom {
  readonly components?: readonly Component[];
  readonly serialNumber?: string;
  readonly metadata: {
    readonly timestamp?: string;
    readonly tools?: unknown;
    readonly component: { readonly name: string };
  };
}

interface Component {
  readonly "bom-ref"?: string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
}

/** How scripts/crypto's copy of a module is named, and by packages with a version that is none. */
const copied = /\.\/build\/crypto\/(v[\w.-]+)-[0-9a-f]{12}\/crypto/;
const copiedPackage = new RegExp(`${copied.source}@\\(devel\\)`, "g");
const crypto = "golang.org/x/crypto";

/**
 * Names the copy of a module that scripts/crypto changes as the module that it is, in the version that it is of, and says
 * that it was changed: whoever looks for vulnerabilities looks for that.
 */
export function withModules(sbom: Sbom): Sbom {
  const components = sbom.components?.map((component) => {
    const [, version] = copied.exec(component.name) ?? [];
    if (version === undefined) return component;
    const notes = "AVX-512 was added to chacha20poly1305, by go/cipher/_crypto of wg-bridge.";
    return { ...component, name: crypto, version, pedigree: { notes } };
  });
  const text = JSON.stringify({ ...sbom, ...(components && { components }) });
  return JSON.parse(text.replaceAll(copiedPackage, `${crypto}@$1`));
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
