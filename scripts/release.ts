// `bun run release`: everything that is published of this version, in dist/release (docs/release.md). `--targets` builds for some
// systems only, `--without` leaves kinds of packages out, `--fast` packs them loosely, `--twice` builds all of it again and compares.

import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildRelease, parseKinds, releaseTimeMs, type ReleaseOptions } from "./release/build-release.ts";
import { checksumsName } from "./release/checksums.ts";
import { parseTargets, targets } from "./release/targets.ts";

const root = join(import.meta.dir, "..");

process.exit(await main(process.argv.slice(2)));

async function main(words: readonly string[]): Promise<number> {
  try {
    const { twice, ...options } = readOptions(words);
    if (existsSync(options.outdir)) emptyOutdir(options.outdir);
    mkdirSync(options.outdir, { recursive: true });
    await buildRelease(options);
    console.log(`All of it is in ${options.outdir}`);
    return twice ? await compareWithAnother(options) : 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

function readOptions(words: readonly string[]): ReleaseOptions & { readonly twice: boolean } {
  const { values } = parseArgs({
    args: [...words],
    options: {
      targets: { type: "string", default: targets.map(({ name }) => name).join(",") },
      without: { type: "string", default: "" },
      outdir: { type: "string", default: "dist/release" },
      repository: { type: "string" },
      fast: { type: "boolean", default: false },
      twice: { type: "boolean", default: false },
    },
  });
  const { repository } = values;
  if (repository !== undefined && !/^[\w.-]+\/[\w.-]+$/.test(repository)) {
    throw new Error("Cannot use --repository: it is OWNER/NAME, as GitHub has it");
  }
  return {
    root,
    outdir: resolve(root, values.outdir),
    targets: parseTargets(values.targets),
    without: parseKinds(values.without),
    repository,
    packing: values.fast ? "fast" : "small",
    timeMs: releaseTimeMs(root),
    twice: values.twice,
  };
}

/** What stands there must be a release: a wrong word behind --outdir must not cost somebody their files. */
function emptyOutdir(outdir: string): void {
  const names = readdirSync(outdir);
  const isOurs = (name: string) => /^(?:\.work|npm|SHA256SUMS|THIRD_PARTY_LICENSES|qwen-gateway[-_.].*)$/.test(name);
  const stranger = names.find((name) => !isOurs(name));
  if (stranger !== undefined) {
    throw new Error(`Cannot write to "${outdir}": "${stranger}" is no part of a release, name another folder`);
  }
  for (const name of names) rmSync(join(outdir, name), { recursive: true });
}

async function compareWithAnother(options: ReleaseOptions): Promise<number> {
  const another = { ...options, outdir: `${options.outdir}-again` };
  if (existsSync(another.outdir)) emptyOutdir(another.outdir);
  mkdirSync(another.outdir, { recursive: true });
  await buildRelease(another);
  const [first, second] = await Promise.all(
    [options, another].map(async ({ outdir }) => (await Bun.file(join(outdir, checksumsName)).text()).split("\n")),
  );
  const different = first!.filter((line) => !second!.includes(line)).map((line) => line.slice(66));
  rmSync(another.outdir, { recursive: true });
  if (different.length === 0) console.log(`Built twice: all ${first!.length - 1} files are equal`);
  else console.error(`Built twice, with other bytes: ${different.join(", ")}`);
  return different.length === 0 ? 0 : 1;
}
