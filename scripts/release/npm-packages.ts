// The packages of npm: one a platform, which carries the executable, and the one that people name, which depends on all of them
// and gets the one that fits.

import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipLevels, type Packing } from "./archives.ts";
import { executableName, platformPackageName, type Target } from "./targets.ts";

export interface NpmRelease {
  readonly root: string;
  /** A folder for what is packed, emptied afterwards. */
  readonly work: string;
  /** Where the tarballs go. */
  readonly outdir: string;
  readonly version: string;
  readonly license: string;
  readonly repository: string | undefined;
  /** By target; those that npm cannot choose are passed over. */
  readonly executables: ReadonlyMap<Target, string>;
  readonly licensesFile: string;
  readonly packing: Packing;
}

/** @returns names of the tarballs, those of platforms first: the order in which they are published */
export function packNpmPackages(release: NpmRelease): readonly string[] {
  const { root, work, outdir, repository } = release;
  mkdirSync(outdir, { recursive: true });
  const tarballs = [...release.executables].flatMap(([target, executable]) =>
    target.npm === undefined ? [] : [packPlatform(release, target, executable)],
  );
  const folder = join(work, "package");
  run(
    [
      process.execPath,
      "scripts/build-package.ts",
      "--outdir",
      folder,
      ...(repository === undefined ? [] : ["--repository", repository]),
    ],
    root,
  );
  tarballs.push(pack(folder, release));
  rmSync(folder, { recursive: true });
  return tarballs;
}

function packPlatform(release: NpmRelease, target: Target, executable: string): string {
  const folder = join(release.work, `npm-${target.name}`);
  const { os, cpu, libc } = target.npm!;
  mkdirSync(join(folder, "bin"), { recursive: true });
  const file = join(folder, "bin", executableName(target));
  copyFileSync(executable, file);
  chmodSync(file, 0o755);
  copyFileSync(join(release.root, "LICENSE"), join(folder, "LICENSE"));
  copyFileSync(release.licensesFile, join(folder, "THIRD_PARTY_LICENSES"));
  const manifest = {
    name: platformPackageName(target),
    version: release.version,
    description: `The executable of qwen-gateway for ${target.name}`,
    license: release.license,
    ...repositoryField(release.repository),
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    // Yarn would leave it packed.
    preferUnplugged: true,
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  writeFileSync(
    join(folder, "README.md"),
    `# ${manifest.name}\n\n${manifest.description}. Install [qwen-gateway](https://www.npmjs.com/package/qwen-gateway), which takes it along.\n`,
  );
  const tarball = pack(folder, release);
  rmSync(folder, { recursive: true });
  return tarball;
}

/** npm checks it against the workflow that publishes. */
export function repositoryField(repository: string | undefined): object {
  return repository === undefined
    ? {}
    : { repository: { type: "git", url: `git+https://github.com/${repository}.git` } };
}

function pack(folder: string, { outdir, packing }: NpmRelease): string {
  const words = ["--quiet", "--ignore-scripts", "--destination", outdir, `--gzip-level=${gzipLevels[packing]}`];
  const output = run([process.execPath, "pm", "pack", ...words], folder);
  return output.trim().split("/").at(-1)!;
}

function run(command: readonly string[], cwd: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  if (exitCode === 0) return stdout.toString();
  throw new Error(`Cannot pack "${cwd}": ${command.join(" ")} ended with ${exitCode}: ${stdout}${stderr}`);
}
