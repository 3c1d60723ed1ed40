// Builds dist/package, what npm users get of the client library: one ES module and its types for each file of src/client/,
// so that their bundlers take along what they use. `--outdir` builds elsewhere. Needs the development packages (tsc).

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json";

const { values } = parseArgs({ options: { outdir: { type: "string", default: "dist/package" } } });

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

const { name, version, license } = manifest;
const entry = (file: string) => ({ types: `./${file}.d.ts`, default: `./${file}.js` });
const published = {
  name,
  version,
  description: "Reads the streams of qwen-gateway in browsers, workers, Node, Deno and Bun, with hooks for React",
  license,
  type: "module",
  sideEffects: false,
  exports: { "./client": entry("client"), "./react": entry("react"), "./package.json": "./package.json" },
  peerDependencies: { react: "^18 || ^19" },
  peerDependenciesMeta: { react: { optional: true } },
};
writeFileSync(join(outdir, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
copyFileSync(join(root, "LICENSE"), join(outdir, "LICENSE"));
// The other documents are not there.
const readme = readFileSync(join(root, "docs/client-library.md"), "utf8").replaceAll(
  /\[([^\]]+)\]\([\w-]+\.md\)/g,
  "$1",
);
writeFileSync(join(outdir, "README.md"), readme);
