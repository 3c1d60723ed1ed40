// The terms of what is inside: none is left out, and none goes in unread.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProductionPackage } from "../../../scripts/release/production-packages.ts";
import { readBunLicense, readLicense, thirdPartyLicenses } from "../../../scripts/release/third-party-licenses.ts";
import { root } from "../house/source-files.ts";

const base = mkdtempSync(join(tmpdir(), "licenses-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function createPackage(
  name: string,
  license: string | undefined,
  files: Readonly<Record<string, string>>,
): ProductionPackage {
  const folder = join(base, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return { name, version: "1.0.0", folder, license, integrity: "", dependencies: [] };
}

const mit = { LICENSE: "Copyright One\n\nPermission is hereby granted" };

describe("thirdPartyLicenses", () => {
  test("has the text of each, equal ones once, and Bun's", () => {
    const packages = [
      createPackage("one", "MIT", mit),
      createPackage("two", "MIT", mit),
      createPackage("three", "Apache-2.0", { "LICENSE.md": "Apache License", NOTICE: "By Three" }),
    ];

    const text = thirdPartyLicenses(packages, "1.4.5", "It links JavaScriptCore");

    expect(text).toContain("one@1.0.0 (MIT)\ntwo@1.0.0 (MIT)\n");
    expect(text.split("Copyright One")).toHaveLength(2);
    expect(text).toContain("Apache License\n\nBy Three");
    expect(text).toContain("Bun 1.4.5 (MIT)");
    expect(text).toContain("It links JavaScriptCore");
  });

  test("names every package whose terms are missing, unknown, or without a text", () => {
    const packages = [
      createPackage("fine", "MIT", mit),
      createPackage("silent", undefined, mit),
      createPackage("strange", "SSPL-1.0", mit),
      createPackage("bare", "MIT", { "README.md": "# bare\n\n## License\n\nMIT\n" }),
    ];

    expect(() => thirdPartyLicenses(packages, "1.4.5", "")).toThrow(
      'Cannot write THIRD_PARTY_LICENSES: silent@1.0.0 names no licence; strange@1.0.0 has "SSPL-1.0", unread so far; ' +
        "bare@1.0.0 lacks the text of its licence",
    );
  });
});

describe("readLicense", () => {
  test("takes the section of a README where there is no file", () => {
    const { folder } = createPackage("readme", "MIT", {
      "README.md": "# x\n\n## Licence\n\nCopyright Two\n\nPermission is hereby granted\n\n## More\n\nnot this\n",
    });

    expect(readLicense(folder)).toBe("Copyright Two\n\nPermission is hereby granted");
  });

  test("passes over files that are only called so, and empty ones", () => {
    const { folder } = createPackage("odd", "MIT", { "license-checker.js": "x()", LICENSE: " \n" });

    expect(readLicense(folder)).toBeUndefined();
  });
});

test("readBunLicense names what is linked into Bun, and how it is linked anew", () => {
  const text = readBunLicense(root);

  for (const word of ["JavaScriptCore", "LGPL", "boringssl", "libarchive", "tinycc", "relink"])
    expect(text).toContain(word);
  expect(text).not.toStartWith("---");
});
