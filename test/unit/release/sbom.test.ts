// The bill of materials: valid, complete, and the same for the same content.

import { describe, expect, test } from "bun:test";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { directDependencies, listProductionPackages } from "../../../scripts/release/production-packages.ts";
import { type Product, writeSbom } from "../../../scripts/release/sbom.ts";
import { root } from "../house/source-files.ts";

const packages = listProductionPackages(root);
const product: Product = {
  name: "qwen-gateway",
  version: "1.2.3",
  description: "x",
  license: "MIT",
  dependencies: directDependencies(root),
};

interface Bom {
  readonly serialNumber: string;
  readonly components: readonly { readonly "bom-ref": string; readonly purl: string; readonly hashes?: object[] }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

describe("writeSbom", () => {
  const text = writeSbom(product, packages, "1.4.5", 1_790_000_000_000);
  const bom: Bom = JSON.parse(text);

  test("is accepted by the schema, which refuses a broken one", async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

    expect(await validator.validate(text)).toBeNull();
    expect(await validator.validate(text.replaceAll('"SHA-512"', '"SHA-999"'))).not.toBeNull();
  });

  test("names each package by its address and digest, and Bun", () => {
    const addresses = bom.components.map(({ purl }) => purl);

    expect(addresses).toHaveLength(packages.length + 1);
    expect(addresses[0]).toBe("pkg:generic/bun@1.4.5");
    expect(addresses).toContain("pkg:npm/%40modelcontextprotocol/sdk@1.32.2");
    expect(bom.components.slice(1).every(({ hashes }) => hashes?.length === 1)).toBe(true);
  });

  test("leads from the product to every component", () => {
    const reached = new Set<string>();
    const visit = (ref: string): void => {
      if (reached.has(ref)) return;
      reached.add(ref);
      for (const next of bom.dependencies.find((one) => one.ref === ref)?.dependsOn ?? []) visit(next);
    };
    visit("pkg:npm/qwen-gateway@1.2.3");

    expect(bom.components.map((one) => one["bom-ref"]).filter((ref) => !reached.has(ref))).toEqual([]);
  });

  test("gives equal bytes for equal content, and another serial number for other content", () => {
    const another: Bom = JSON.parse(writeSbom({ ...product, version: "1.2.4" }, packages, "1.4.5", 1_790_000_000_000));

    expect(writeSbom(product, packages, "1.4.5", 1_790_000_000_000)).toBe(text);
    expect(another.serialNumber).not.toBe(bom.serialNumber);
  });

  test("refuses a package that the lock file has no digest of", () => {
    const [first] = packages;

    expect(() => writeSbom({ ...product, dependencies: [] }, [{ ...first!, integrity: "" }], "1.4.5", 0)).toThrow(
      /has no SHA-512/,
    );
  });
});
