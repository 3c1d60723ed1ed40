// Builds dist/package, the npm package: a launcher of the executable that a platform's own package carries
// (scripts/release/npm-packages.ts), and the client library, one ES module and its types for each file of src/client/, so that
// bundlers take along what is used. `--outdir` builds elsewhere, `--repository OWNER/NAME` names where the source is. Needs the
// development packages (tsc).

import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json";
import { repositoryField } from "./release/npm-packages.ts";
import { platformPackageName, targets } from "./release/targets.ts";

const { values } = parseArgs({
  options: { outdir: { type: "string", default: "dist/package" }, repository: { type: "string" } },
});

const root = join(import.meta.dir, "..");
const outdir = resolve(root, values.outdir);
const compiler = join(root, "node_modules/.bin/tsc");

rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
const build = Bun.spawnSync(
  [compiler, "--project", "src/client", "--noEmit", "false", "--noEmitOnError", "--outDir", outdir],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
if (build.exitCode !== 0) process.exit(build.exitCode);

// The compiler rewrites the imports of modules, not those of declarations, which compilers before 5.7 cannot follow.
for (const name of readdirSync(outdir).filter((file) => file.endsWith(".d.ts"))) {
  const path = join(outdir, name);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"'));
}

const { name, version, description, license } = manifest;
const entry = (file: string) => ({ types: `./${file}.d.ts`, default: `./${file}.js` });
const platforms = targets.flatMap((target) => (target.npm === undefined ? [] : [platformPackageName(target)]));
const published = {
  name,
  version,
  description,
  license,
  ...repositoryField(values.repository),
  type: "module",
  sideEffects: false,
  engines: { node: ">=18" },
  bin: { [name]: "bin/qwen-gateway.js" },
  exports: { "./client": entry("client"), "./react": entry("react"), "./package.json": "./package.json" },
  optionalDependencies: Object.fromEntries(platforms.map((platform) => [platform, version])),
  peerDependencies: { react: "^18 || ^19" },
  peerDependenciesMeta: { react: { optional: true } },
};
writeFileSync(join(outdir, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
copyFileSync(join(root, "LICENSE"), join(outdir, "LICENSE"));
const launcher = join(outdir, "bin", "qwen-gateway.js");
mkdirSync(join(outdir, "bin"));
copyFileSync(join(root, "deploy/npm/launcher.js"), launcher);
chmodSync(launcher, 0o755);
// The other documents are not there.
const client = readFileSync(join(root, "docs/client-library.md"), "utf8").replaceAll(
  /\[([^\]]+)\]\([\w-]+\.md\)/g,
  "$1",
);
writeFileSync(join(outdir, "README.md"), `${readFileSync(join(root, "deploy/npm/README.md"), "utf8")}\n${client}`);
