// `bun scripts/write-licenses.ts FILE`: writes THIRD_PARTY_LICENSES, as a release has it. Needs the development packages.

import { join } from "node:path";
import { listProductionPackages } from "./release/production-packages.ts";
import { readBunLicense, thirdPartyLicenses } from "./release/third-party-licenses.ts";

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("Cannot write the licences: name the file");
  process.exit(2);
}
const root = join(import.meta.dir, "..");
await Bun.write(file, thirdPartyLicenses(listProductionPackages(root), Bun.version, readBunLicense(root)));
