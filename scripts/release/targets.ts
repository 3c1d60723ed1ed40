// What a release is built for, and what each system calls that.

export interface Target {
  /** In file names, and behind `--targets`. */
  readonly name: string;
  /** Bun's word for it. */
  readonly compileTarget: string;
  /** How npm chooses its package. Absent: npm cannot tell it from another target. */
  readonly npm?: { readonly os: string; readonly cpu: string; readonly libc?: "glibc" | "musl" };
  /** Absent: no package for Debian. */
  readonly debianArchitecture?: string;
  /** Absent: Homebrew does not run there. */
  readonly homebrew?: { readonly os: "macos" | "linux"; readonly cpu: "intel" | "arm" };
}

export const targets: readonly Target[] = [
  {
    name: "linux-x64",
    compileTarget: "bun-linux-x64",
    npm: { os: "linux", cpu: "x64", libc: "glibc" },
    debianArchitecture: "amd64",
    homebrew: { os: "linux", cpu: "intel" },
  },
  { name: "linux-x64-baseline", compileTarget: "bun-linux-x64-baseline" },
  { name: "linux-x64-musl", compileTarget: "bun-linux-x64-musl", npm: { os: "linux", cpu: "x64", libc: "musl" } },
  {
    name: "linux-arm64",
    compileTarget: "bun-linux-arm64",
    npm: { os: "linux", cpu: "arm64", libc: "glibc" },
    debianArchitecture: "arm64",
    homebrew: { os: "linux", cpu: "arm" },
  },
  { name: "linux-arm64-musl", compileTarget: "bun-linux-arm64-musl", npm: { os: "linux", cpu: "arm64", libc: "musl" } },
  {
    name: "darwin-x64",
    compileTarget: "bun-darwin-x64",
    npm: { os: "darwin", cpu: "x64" },
    homebrew: { os: "macos", cpu: "intel" },
  },
  {
    name: "darwin-arm64",
    compileTarget: "bun-darwin-arm64",
    npm: { os: "darwin", cpu: "arm64" },
    homebrew: { os: "macos", cpu: "arm" },
  },
  { name: "windows-x64", compileTarget: "bun-windows-x64", npm: { os: "win32", cpu: "x64" } },
];

/** Name of the executable there. */
export function executableName(target: Target): string {
  return target.name.startsWith("windows") ? "qwen-gateway.exe" : "qwen-gateway";
}

/** Name of the npm package that carries the executable. */
export function platformPackageName(target: Target): string {
  return `@qwen-gateway/${target.name}`;
}

/** The target that this machine runs; undefined where there is none. */
export function hostTarget(): Target | undefined {
  const isMusl = process.platform === "linux" && !("glibcVersionRuntime" in reportHeader());
  return targets.find(
    ({ npm }) =>
      npm?.os === process.platform &&
      npm.cpu === process.arch &&
      (npm.libc === undefined || (npm.libc === "musl") === isMusl),
  );
}

function reportHeader(): object {
  // The type of a report is `object`; its header is documented by Node.
  return (process.report.getReport() as { readonly header: object }).header;
}

/**
 * @param list names with commas, or "host"
 * @throws {Error} that names the word that is no target
 */
export function parseTargets(list: string): readonly Target[] {
  const wanted = list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const chosen = wanted.map((name) => {
    const target = name === "host" ? hostTarget() : targets.find((candidate) => candidate.name === name);
    if (target !== undefined) return target;
    throw new Error(
      `Cannot use --targets ${JSON.stringify(name)}: there are host, ${targets.map((one) => one.name).join(", ")}`,
    );
  });
  if (chosen.length === 0) throw new Error("Cannot use --targets: it names none");
  return targets.filter((target) => chosen.includes(target));
}
