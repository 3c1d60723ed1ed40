// One release, step by step: executables, what is said of their content, archives, packages, checksums.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import manifest from "../../package.json";
import { type ArchivedFile, type Packing, packTarGz, packZip } from "./archives.ts";
import { checksumsName, sha256, writeChecksums } from "./checksums.ts";
import { compileTarget } from "./compile-target.ts";
import { buildDebianPackage } from "./debian.ts";
import { type BrewedArchive, writeFormula } from "./homebrew.ts";
import { packNpmPackages } from "./npm-packages.ts";
import { directDependencies, listProductionPackages } from "./production-packages.ts";
import { writeSbom } from "./sbom.ts";
import { executableName, type Target } from "./targets.ts";
import { readBunLicense, thirdPartyLicenses } from "./third-party-licenses.ts";

const kinds = ["archives", "npm", "debian", "homebrew"] as const;
export type Kind = (typeof kinds)[number];

export interface ReleaseOptions {
  readonly root: string;
  /** It is there, and empty. */
  readonly outdir: string;
  readonly targets: readonly Target[];
  readonly without: ReadonlySet<Kind>;
  /** Owner and name at GitHub. Without it there is no formula, since nobody knows where the archives will be. */
  readonly repository: string | undefined;
  readonly packing: Packing;
  /** When the release was made, as its files say. */
  readonly timeMs: number;
}

/** @throws {Error} that names the word that is none */
export function parseKinds(list: string): ReadonlySet<Kind> {
  const words = list.split(",").filter((word) => word !== "");
  const found = words.map((word) => {
    const kind = kinds.find((candidate) => candidate === word);
    if (kind !== undefined) return kind;
    throw new Error(`Cannot use --without ${JSON.stringify(word)}: there are ${kinds.join(", ")}`);
  });
  return new Set(found);
}

/** @throws {Error} with a sentence of the step that failed */
export async function buildRelease(options: ReleaseOptions): Promise<void> {
  const { root, outdir, repository, packing, timeMs } = options;
  const { name, version, description, license } = manifest;
  const isWanted = (kind: Kind): boolean => !options.without.has(kind);
  const say = (what: string): void => console.log(`== ${what}`);
  const work = join(outdir, ".work");
  mkdirSync(work);

  const licensesFile = join(outdir, "THIRD_PARTY_LICENSES");
  const packages = listProductionPackages(root);
  writeFileSync(licensesFile, thirdPartyLicenses(packages, Bun.version, readBunLicense(root)));
  const product = { name, version, description, license, dependencies: directDependencies(root) };
  writeFileSync(join(outdir, `${name}-${version}.cdx.json`), writeSbom(product, packages, Bun.version, timeMs));
  say(`${packages.length} packages, and Bun ${Bun.version}, are inside`);

  const executables = new Map<Target, string>();
  for (const target of options.targets) {
    say(`executable for ${target.name}`);
    executables.set(target, compileTarget(root, target, join(work, target.name)));
  }
  if (isWanted("archives")) {
    const archives: BrewedArchive[] = [];
    for (const [target, executable] of executables) {
      const fileName = await packArchive(options, target, executable);
      say(fileName);
      archives.push({ target, fileName, sha256: await sha256(join(outdir, fileName)) });
    }
    const isBrewed = options.targets.some(({ homebrew }) => homebrew !== undefined);
    if (isWanted("homebrew") && isBrewed) {
      if (repository === undefined) say("no formula for Homebrew: give --repository OWNER/NAME");
      else {
        const formula = writeFormula({ version, description, license, repository, archives });
        writeFileSync(join(outdir, "qwen-gateway.rb"), formula);
        say("qwen-gateway.rb");
      }
    }
  }
  if (isWanted("npm")) {
    const npm = {
      root,
      work,
      outdir: join(outdir, "npm"),
      version,
      license,
      repository,
      executables,
      licensesFile,
      packing,
    };
    for (const tarball of packNpmPackages(npm)) say(`npm/${tarball}`);
  }
  if (isWanted("debian")) {
    for (const [target, executable] of executables) {
      if (target.debianArchitecture === undefined) continue;
      const debian = { root, work, outdir, version, description, target, executable, licensesFile, timeMs, packing };
      say(buildDebianPackage(debian));
    }
  }
  rmSync(work, { recursive: true });
  writeFileSync(join(outdir, checksumsName), await writeChecksums(outdir));
}

async function packArchive(
  { root, outdir, packing, timeMs }: ReleaseOptions,
  target: Target,
  executable: string,
): Promise<string> {
  const folder = `${manifest.name}-${manifest.version}-${target.name}`;
  const file = (path: string, isExecutable = false): ArchivedFile => ({
    name: `${folder}/${isExecutable ? executableName(target) : basename(path)}`,
    bytes: readFileSync(path),
    isExecutable,
  });
  const files = [
    file(executable, true),
    file(join(root, "LICENSE")),
    file(join(outdir, "THIRD_PARTY_LICENSES")),
    file(join(root, "README.md")),
  ];
  const isWindows = target.npm?.os === "win32";
  const fileName = `${folder}${isWindows ? ".zip" : ".tar.gz"}`;
  writeFileSync(
    join(outdir, fileName),
    isWindows ? packZip(files, timeMs, packing) : await packTarGz(files, timeMs, packing),
  );
  return fileName;
}

/**
 * The commit's, so that one commit gives one release. SOURCE_DATE_EPOCH counts more, as everywhere.
 * @throws {Error} where there is neither
 */
export function releaseTimeMs(root: string): number {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined) {
    if (!/^\d{1,11}$/.test(given)) throw new Error("Cannot use SOURCE_DATE_EPOCH: it is a number of seconds");
    return Number(given) * 1000;
  }
  const git = Bun.spawnSync(["git", "log", "-1", "--format=%ct"], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  const seconds = git.exitCode === 0 ? Number(git.stdout.toString()) : Number.NaN;
  if (!Number.isInteger(seconds))
    throw new Error("Cannot date the release: this is no checkout of git, set SOURCE_DATE_EPOCH");
  return seconds * 1000;
}
