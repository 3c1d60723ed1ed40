// Builds dist/qwen-gateway, one executable. `--target` (such as bun-linux-arm64) and `--outfile` build for elsewhere.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../package.json";

const { values } = parseArgs({
  options: { target: { type: "string" }, outfile: { type: "string", default: "dist/qwen-gateway" } },
});

const root = join(import.meta.dir, "..");
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
    "--sourcemap",
    // A settings file of whatever folder the binary is started in must not run or configure anything.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    `--define=BUILD_VERSION=${JSON.stringify(version)}`,
    '--define=process.env.NODE_ENV="production"',
    ...(values.target === undefined ? [] : [`--target=${values.target}`]),
    "src/boot.ts",
    `--outfile=${values.outfile}`,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
process.exit(build.exitCode);
