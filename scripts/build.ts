// Builds dist/qwen-gateway, one executable. `--target` (such as bun-linux-arm64) and `--outfile` build for elsewhere.

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../package.json";
import { maxParsedHeadBytes } from "../src/server/access/head-sizes.ts";
import { writePackedPages } from "./build-page.ts";
import { hasTrueSignature, signAdHoc } from "./macos-signature.ts";

const { values } = parseArgs({
  options: { target: { type: "string" }, outfile: { type: "string", default: "dist/qwen-gateway" } },
});

const root = join(import.meta.dir, "..");
const outfile = resolve(root, values.outfile);
mkdirSync(dirname(outfile), { recursive: true });
// The source maps stand in the executable; what the bundler leaves beside it, a file for each part, goes with the folder.
const folder = mkdtempSync(join(dirname(outfile), ".build-"));
const executable = join(folder, "qwen-gateway");
const packedPages = await writePagesInPlace();
const build = Bun.spawnSync(
  [
    process.execPath,
    "build",
    "--compile",
    "--minify",
    // Bytecode needs format esm, because the entry awaits at its top level. It halves the start time.
    "--bytecode",
    "--format=esm",
    // What is imported when it is first needed is read from the file when it is first needed.
    "--splitting",
    // What runs once, at the start, stays in the interpreter: 2.5 MB less in the idle process. use-compilers.ts ends it.
    "--compile-jit-policy=100",
    "--sourcemap",
    // A settings file of whatever folder the binary is started in must not run or configure anything.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    // Read before the program begins.
    `--compile-exec-argv=--max-http-header-size=${maxParsedHeadBytes}`,
    `--define=BUILD_VERSION=${JSON.stringify(version)}`,
    '--define=process.env.NODE_ENV="production"',
    ...(values.target === undefined ? [] : [`--target=${values.target}`]),
    // Without a hash, so that the pages are found by their names.
    "--asset-naming=[name].[ext]",
    "src/boot.ts",
    ...packedPages,
    `--outfile=${executable}`,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
const suffix = values.target?.includes("windows") ? ".exe" : "";
if (build.exitCode === 0 && (values.target ?? process.platform).includes("darwin")) {
  const file = readFileSync(executable);
  if (!hasTrueSignature(file)) writeFileSync(executable, signAdHoc(file));
}
if (build.exitCode === 0) renameSync(executable + suffix, outfile.endsWith(suffix) ? outfile : outfile + suffix);
rmSync(folder, { recursive: true });
process.exit(build.exitCode);

/**
 * Their paths stand in the executable: always the same ones, so that equal sources give equal bytes (docs/release.md). Builds of
 * the same moment write the same into them, each file in one piece.
 */
async function writePagesInPlace(): Promise<readonly string[]> {
  const place = join(root, "dist", "pages");
  mkdirSync(place, { recursive: true });
  const unfinished = mkdtempSync(join(root, "dist", ".pages-"));
  const written = await writePackedPages(unfinished);
  const paths = written.map((path) => join(place, basename(path)));
  for (const [index, path] of written.entries()) renameSync(path, paths[index]!);
  rmSync(unfinished, { recursive: true });
  return paths;
}
