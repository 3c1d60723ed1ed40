// The bill of materials, in CycloneDX: every package that is inside, with its digest and its terms. Equal releases give equal
// bytes: the serial number comes from the content, the time from the commit.

import { idOf, type ProductionPackage } from "./production-packages.ts";

export interface Product {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  /** `name@version` of what package.json names. */
  readonly dependencies: readonly string[];
}

/** @param timeMs of the release */
export function writeSbom(
  product: Product,
  packages: readonly ProductionPackage[],
  bunVersion: string,
  timeMs: number,
): string {
  const productRef = npmAddress(product.name, product.version);
  const bunRef = `pkg:generic/bun@${bunVersion}`;
  const refs = new Map(packages.map((one) => [idOf(one), npmAddress(one.name, one.version)]));
  const refsOf = (ids: readonly string[]) => ids.map((id) => refs.get(id) ?? unknown(id)).sort();
  const content = {
    metadata: {
      timestamp: new Date(timeMs).toISOString(),
      component: {
        type: "application",
        "bom-ref": productRef,
        name: product.name,
        version: product.version,
        description: product.description,
        licenses: [{ license: { id: product.license } }],
        purl: productRef,
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": bunRef,
        name: "bun",
        version: bunVersion,
        description: "The runtime, with JavaScriptCore and the libraries that THIRD_PARTY_LICENSES names",
        licenses: [{ license: { id: "MIT" } }],
        purl: bunRef,
        externalReferences: [{ type: "website", url: "https://bun.com" }],
      },
      ...packages.map((one) => ({
        type: "library",
        "bom-ref": npmAddress(one.name, one.version),
        ...nameOf(one.name),
        version: one.version,
        licenses: [licenseOf(one.license ?? "")],
        hashes: [{ alg: "SHA-512", content: digestOf(one) }],
        purl: npmAddress(one.name, one.version),
      })),
    ],
    dependencies: [
      { ref: productRef, dependsOn: [bunRef, ...refsOf(product.dependencies)] },
      { ref: bunRef },
      ...packages.map((one) => ({ ref: npmAddress(one.name, one.version), dependsOn: refsOf(one.dependencies) })),
    ],
  };
  const head = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    version: 1,
  };
  return `${JSON.stringify({ ...head, ...content }, undefined, 2)}\n`;
}

/** @see https://github.com/package-url/purl-spec: the scope's @ is escaped */
function npmAddress(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function nameOf(name: string): { readonly group?: string; readonly name: string } {
  const [scope, rest] = name.split("/");
  return rest === undefined ? { name } : { group: scope!, name: rest };
}

function licenseOf(license: string) {
  return license.includes(" ") ? { expression: license } : { license: { id: license } };
}

function digestOf({ integrity, ...one }: ProductionPackage): string {
  const [, base64] = /^sha512-(.+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`Cannot list ${idOf(one)}: bun.lock has no SHA-512 of it`);
  return Uint8Array.fromBase64(base64).toHex();
}

/** Looks like a random one (version 4), as the schema wants it. */
function uuidOf(text: string): string {
  const hex = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function unknown(id: string): never {
  throw new Error(`Cannot list what depends on ${id}: it is not among the packages`);
}
