// The package for Debian and Ubuntu: the executable, the unit of systemd, the user it runs as, settings that survive an upgrade.
// Wants dpkg-deb.

import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { gzipLevels, type Packing } from "./archives.ts";
import { writeManual } from "./manual.ts";
import type { Target } from "./targets.ts";

export interface DebianRelease {
  readonly root: string;
  /** A folder for what is packed, emptied afterwards. */
  readonly work: string;
  readonly outdir: string;
  readonly version: string;
  readonly description: string;
  readonly target: Target;
  readonly executable: string;
  readonly licensesFile: string;
  readonly timeMs: number;
  readonly packing: Packing;
}

const maintainer = "qwen-gateway authors <qwen-gateway@users.noreply.github.com>";
const documents = ["operations.md", "configuration.md", "install.md", "security.md"];

/** @returns the file's name. @throws {Error} without dpkg-deb */
export function buildDebianPackage(release: DebianRelease): string {
  const { root, version, target, timeMs } = release;
  const architecture = target.debianArchitecture;
  if (architecture === undefined)
    throw new Error(`Cannot build a package for ${target.name}: Debian has no such thing`);
  if (Bun.which("dpkg-deb") === null) {
    throw new Error("Cannot build the package for Debian: dpkg-deb is missing, or leave it out by --without debian");
  }
  const folder = join(release.work, `debian-${architecture}`);
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  const read = (path: string): string => readFileSync(join(root, path), "utf8");

  mkdirSync(join(folder, "usr/bin"), { recursive: true });
  copyFileSync(release.executable, join(folder, "usr/bin/qwen-gateway"));
  chmodSync(join(folder, "usr/bin/qwen-gateway"), 0o755);
  put("usr/lib/systemd/system/qwen-gateway.service", packagedUnit(read("deploy/qwen-gateway.service")));
  put("usr/lib/sysusers.d/qwen-gateway.conf", read("deploy/debian/sysusers.conf"));
  put("usr/lib/tmpfiles.d/qwen-gateway.conf", read("deploy/debian/tmpfiles.conf"));
  put("etc/qwen-gateway/settings.env", read("deploy/debian/settings.env"), 0o640);
  put("usr/share/man/man1/qwen-gateway.1.gz", packed(writeManual(version, timeMs)));
  put("usr/share/lintian/overrides/qwen-gateway", overrides);
  for (const name of documents) put(`usr/share/doc/qwen-gateway/${name}`, read(`docs/${name}`));
  put("usr/share/doc/qwen-gateway/changelog.gz", packed(changelog(version, timeMs)));
  put("usr/share/doc/qwen-gateway/copyright", copyright(read("LICENSE")));
  put("usr/share/doc/qwen-gateway/THIRD_PARTY_LICENSES.gz", packed(readFileSync(release.licensesFile, "utf8")));

  const files = filesOf(folder);
  const control = {
    Package: "qwen-gateway",
    Version: version,
    Architecture: architecture,
    Maintainer: maintainer,
    "Installed-Size": String(installedKib(folder, files)),
    // procps for the unit's /bin/kill.
    Depends:
      "libc6 (>= 2.17), init-system-helpers (>= 1.54), procps, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles",
    Section: "net",
    Priority: "optional",
    Description: `${release.description.replace(/^One /, "")}\n${longDescription}`,
  };
  const fields = Object.entries(control).map(([name, value]) => `${name}: ${value}\n`);
  put("DEBIAN/control", fields.join(""));
  put("DEBIAN/conffiles", "/etc/qwen-gateway/settings.env\n");
  put("DEBIAN/md5sums", files.map((name) => `${md5(join(folder, name))}  ${name}\n`).join(""));
  for (const name of ["postinst", "prerm", "postrm"]) put(`DEBIAN/${name}`, read(`deploy/debian/${name}`), 0o755);
  // Whatever the umask here is.
  for (const path of foldersOf(folder)) chmodSync(join(folder, path), 0o755);

  const fileName = `qwen-gateway_${version}_${architecture}.deb`;
  const compression = release.packing === "small" ? ["-Zxz"] : ["-Zgzip", `-z${gzipLevels.fast}`];
  const command = ["dpkg-deb", "--root-owner-group", ...compression, "--build", folder];
  const { exitCode, stderr } = Bun.spawnSync([...command, join(release.outdir, fileName)], {
    env: { PATH: process.env["PATH"] ?? "", SOURCE_DATE_EPOCH: String(Math.floor(timeMs / 1000)) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (exitCode !== 0) throw new Error(`Cannot build ${fileName}: dpkg-deb ended with ${exitCode}: ${stderr}`);
  rmSync(folder, { recursive: true });
  return fileName;
}

/** The executable of a package stands elsewhere, and the user is made by the package. */
export function packagedUnit(unit: string): string {
  const body = unit.slice(unit.indexOf("[Unit]")).replace("ExecStart=/usr/local/bin/", "ExecStart=/usr/bin/");
  if (!body.includes("ExecStart=/usr/bin/qwen-gateway "))
    throw new Error("Cannot pack the unit: it starts another program");
  return `# "systemctl reload qwen-gateway" reads /etc/qwen-gateway/settings.env again: that is why the program reads the file itself.\n\n${body}`;
}

const longDescription = ` It speaks the protocols of OpenAI and Anthropic in front, and behind it uses an
 account on chat.qwen.ai, a key of DashScope or ModelScope, or a Qwen of one's
 own on vLLM, SGLang, Ollama, llama.cpp or LM Studio. Conversations are kept,
 and go on after a restart.
 .
 The service listens on the loopback address, and is not enabled by the
 installation: write /etc/qwen-gateway/settings.env first.`;

/** What lintian finds, and why it stays. */
const overrides = `# The libraries are in the runtime, and the program stands behind it, where strip would cut it off.
qwen-gateway: embedded-library *
qwen-gateway: unstripped-binary-or-object *
# The settings hold keys.
qwen-gateway: non-standard-file-perm *
# The runtime is Bun's, as it is published, and is linked in this way.
qwen-gateway: hardening-no-pie *
qwen-gateway: hardening-no-relro *
qwen-gateway: hardening-no-bindnow *
# Words of its minified code and of its tables.
qwen-gateway: spelling-error-in-binary *
# It runs without systemd as well, by whatever else starts programs.
qwen-gateway: package-supports-alternative-init-but-no-init.d-script *
`;

function copyright(license: string): string {
  const [, holder = ""] = /^Copyright \(c\) (.+)$/m.exec(license) ?? [];
  const text = license.slice(license.indexOf("Permission is")).trim();
  const indented = text.split("\n").map((line) => (line.trim() === "" ? " ." : ` ${line}`));
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: qwen-gateway
Comment: What is inside of others: THIRD_PARTY_LICENSES.gz, in this folder.

Files: *
Copyright: ${holder}
License: Expat

License: Expat
${indented.join("\n")}
`;
}

function changelog(version: string, timeMs: number): string {
  const date = new Date(timeMs).toUTCString().replace("GMT", "+0000");
  return `qwen-gateway (${version}) unstable; urgency=medium\n\n  * Release ${version}.\n\n -- ${maintainer}  ${date}\n`;
}

function packed(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}

function md5(path: string): string {
  return new Bun.CryptoHasher("md5").update(readFileSync(path)).digest("hex");
}

function filesOf(folder: string): readonly string[] {
  return everythingIn(folder).filter((name) => lstatSync(join(folder, name)).isFile());
}

function foldersOf(folder: string): readonly string[] {
  return [".", ...everythingIn(folder).filter((name) => lstatSync(join(folder, name)).isDirectory())];
}

function everythingIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}

/** As Debian counts: each file in whole KiB, a folder as one. */
function installedKib(folder: string, files: readonly string[]): number {
  const sizes = files.map((name) => Math.ceil(lstatSync(join(folder, name)).size / 1024));
  return sizes.reduce((sum, size) => sum + size, 0) + foldersOf(folder).length;
}
