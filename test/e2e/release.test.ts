// A release for this machine, as `bun run release` writes it: what is in it, and that each kind of it installs and runs. The
// other systems are built by hand (docs/release.md).

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { idOf, listProductionPackages } from "../../scripts/release/production-packages.ts";
import { platformPackageName } from "../../scripts/release/targets.ts";
import { pageSources } from "../../src/server/pages/build-page.ts";
import { runBinary, startBinary } from "../support/binary.ts";
import { type NpmRegistry, serveNpmRegistry } from "../support/npm-registry.ts";
import {
  askToCount,
  attempt,
  base,
  buildTestRelease,
  hasDebian,
  host,
  makeFolder,
  placeOf,
  root,
  run,
  version,
} from "../support/test-release.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(120_000);

let release = "";
beforeAll(async () => {
  release = await buildTestRelease();
}, 300_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

describe("the folder of a release", () => {
  test("has every kind of package, and checksums of all of it that sha256sum confirms", async () => {
    const names = readdirSync(release, { recursive: true, encoding: "utf8" }).sort();

    expect(names).toEqual([
      "SHA256SUMS",
      "THIRD_PARTY_LICENSES",
      "npm",
      `npm/qwen-gateway-${version}.tgz`,
      `npm/qwen-gateway-${host.name}-${version}.tgz`,
      `qwen-gateway-${version}-${host.name}.tar.gz`,
      `qwen-gateway-${version}.cdx.json`,
      "qwen-gateway.rb",
      ...(!hasDebian ? [] : [`qwen-gateway_${version}_${host.debianArchitecture}.deb`]),
    ]);
    const confirmed = await run(["sha256sum", "--check", "--strict", "SHA256SUMS"], release);
    expect(confirmed.trim().split("\n")).toHaveLength(names.length - 2);
    expect(confirmed).not.toContain("FAILED");
  });

  test("has a bill of materials that the schema of CycloneDX accepts", async () => {
    const text = readFileSync(join(release, `qwen-gateway-${version}.cdx.json`), "utf8");

    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull();
    expect(JSON.parse(text).metadata.component).toMatchObject({ name: "qwen-gateway", version });
  });

  test("names what the bundler takes into the executable, and tells the terms of each", async () => {
    const { metafile } = await Bun.build({
      entrypoints: [
        join(root, "src/boot.ts"),
        ...pageSources.map(({ folder }) => join(root, "src/page", folder, "main.ts")),
      ],
      target: "bun",
      splitting: true,
      metafile: true,
    });
    const folders = Object.keys(metafile!.inputs).flatMap((path) => {
      const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [];
      return folder === undefined ? [] : [folder];
    });
    const bundled = [...new Set(folders)].map((folder) =>
      idOf(JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))),
    );
    const named = new Set(listProductionPackages(root).map(idOf));
    const licenses = readFileSync(join(release, "THIRD_PARTY_LICENSES"), "utf8");

    expect(bundled.length).toBeGreaterThan(30);
    expect(bundled.filter((id) => !named.has(id))).toEqual([]);
    expect(bundled.filter((id) => !licenses.includes(`\n${id} (`))).toEqual([]);
    expect(licenses).toContain(`Bun ${Bun.version} (MIT)`);
  });
});

describe("bun run release", () => {
  const script = [process.execPath, join(root, "scripts/release.ts")];

  test("says which runtime it could not get, and how to go on without it", async () => {
    const target = host.name === "linux-arm64" ? "linux-x64" : "linux-arm64";
    // Nobody listens there, and nothing is kept from former builds.
    const offline = { HTTPS_PROXY: "http://127.0.0.1:9", BUN_INSTALL_CACHE_DIR: makeFolder("empty-cache") };
    const words = ["--targets", target, "--outdir", join(base, "offline")];

    const { exitCode, errors } = await attempt([...script, ...words], root, { ...offline, SOURCE_DATE_EPOCH: "0" });

    expect(exitCode).toBe(1);
    expect(errors).toStartWith(`Cannot build ${target}: `);
    expect(errors).toMatch(/Failed to download.*\n.*Leave it out by --targets/);
    expect(existsSync(join(base, "offline", "SHA256SUMS"))).toBe(false);
  });

  test("leaves a folder alone that holds somebody's files", async () => {
    const folder = makeFolder("somebody");
    writeFileSync(join(folder, "thesis.txt"), "all of it");

    const { exitCode, errors } = await attempt([...script, "--targets", "host", "--outdir", folder], root);

    expect([exitCode, errors]).toEqual([
      1,
      `Cannot write to "${folder}": "thesis.txt" is no part of a release, name another folder\n`,
    ]);
    expect(readdirSync(folder)).toEqual(["thesis.txt"]);
  });

  test.each([
    [["--targets", "plan9"], "Cannot use --targets"],
    [["--without", "rpm"], "Cannot use --without"],
    [["--repository", "https://github.com/o/n"], "Cannot use --repository"],
  ])("refuses %p before it builds", async (words, sentence) => {
    const { exitCode, errors } = await attempt([...script, ...words], root);

    expect([exitCode, errors.startsWith(sentence)]).toEqual([1, true]);
  });
});

describe("the archive", () => {
  test("one file and the environment start it, with help, a version and sane defaults [RC-008]", async () => {
    const folder = makeFolder("archive");
    const name = `qwen-gateway-${version}-${host.name}`;
    await run(["tar", "xzf", join(release, `${name}.tar.gz`)], folder);
    expect(readdirSync(join(folder, name)).sort()).toEqual([
      "LICENSE",
      "README.md",
      "THIRD_PARTY_LICENSES",
      "qwen-gateway",
    ]);
    const place = placeOf(join(folder, name, "qwen-gateway"), "archive-run");
    const told = await Promise.all([runBinary(["--version"], {}, place), runBinary(["--help"], {}, place)]);
    await using gateway = await startBinary([], { PORT: "0", API_KEY: "sk-one" }, place);

    expect(told[0]).toEqual({ exitCode: 0, output: `${version}\n`, errors: "" });
    expect(told[1].output).toContain("Without a command it serves");
    expect(gateway.url).toStartWith("http://127.0.0.1:");
    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${gateway.url}/v1/models`, { headers: { authorization: "Bearer sk-one" } })).status).toBe(200);
    gateway.kill("SIGTERM");
    expect(await gateway.exited).toBe(0);
  });
});

const node = Bun.which("node");

describe.skipIf(node === null)("the npm package", () => {
  const project = join(base, "project");
  const installed = join(project, "node_modules", "qwen-gateway");
  const launcher = join(installed, "bin", "qwen-gateway.js");
  const platformFolder = join(project, "node_modules", platformPackageName(host));
  let registry: NpmRegistry;
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    makeFolder("project");
    registry = await serveNpmRegistry(join(release, "npm"));
    environment = {
      HOME: makeFolder("npm-home"),
      npm_config_cache: makeFolder("npm-cache"),
      npm_config_registry: registry.url,
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_update_notifier: "false",
    };
    writeFileSync(join(project, "package.json"), '{"name":"user","private":true,"type":"module"}');
    await run(["npm", "install", join(release, "npm", `qwen-gateway-${version}.tgz`)], project, environment);
  }, 300_000);

  afterAll(() => registry[Symbol.asyncDispose]());

  test("takes along the executable of this platform alone", () => {
    const folders = readdirSync(join(project, "node_modules", "@qwen-gateway"));

    expect(folders).toEqual([host.name]);
    expect(readdirSync(platformFolder).sort()).toEqual([
      "LICENSE",
      "README.md",
      "THIRD_PARTY_LICENSES",
      "bin",
      "package.json",
    ]);
  });

  test("npx runs it on Node, without Bun", async () => {
    // Bun is not to be found: its folders are left out of the path.
    const path = (process.env["PATH"] ?? "").split(":").filter((folder) => !existsSync(join(folder, "bun")));

    const output = await run(["npx", "qwen-gateway", "--version"], project, { ...environment, PATH: path.join(":") });

    expect(output).toBe(`${version}\n`);
  });

  test("serves, with its arguments and its environment, and ends by SIGTERM as the executable does", async () => {
    const place = { folder: project, home: makeFolder("npm-run"), executable: launcher };
    await using gateway = await startBinary(["serve", "--port", "0"], { LOG_LEVEL: "info" }, place);

    expect(await askToCount(gateway.url)).toContain("1 2 3 4 5");
    gateway.kill("SIGTERM");
    expect(await gateway.exited).toBe(0);
    expect(await fetch(`${gateway.url}/health`).catch(() => "gone")).toBe("gone");
  });

  test("passes on input, exit codes, and the signal that ended it", async () => {
    const wrong = await attempt([node!, launcher, "serve", "--prot", "1"], project);
    const place = { folder: project, home: makeFolder("npm-killed"), executable: launcher };
    await using gateway = await startBinary(["serve", "--port", "0"], {}, place);
    // Where Node can replace itself, the launcher is the gateway, and has no child.
    const children = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, "utf8").trim();

    expect([wrong.exitCode, wrong.errors]).toEqual([2, expect.stringContaining("did you mean --port?")]);
    process.kill(Number(children.split(" ")[0] || gateway.pid), "SIGKILL");
    expect(await gateway.exited).toBe(137);
  });

  test("starts an executable whose mode was lost on the way", async () => {
    const executable = join(platformFolder, "bin", "qwen-gateway");
    chmodSync(executable, 0o644);

    expect(await run([node!, launcher, "--version"], project)).toBe(`${version}\n`);
    expect(statSync(executable).mode & 0o777).toBe(0o755);
  });

  test("says what is the matter where no executable fits", async () => {
    const elsewhere = async (platform: string, cpu: string) => {
      const script = `Object.defineProperties(process, { platform: { value: ${JSON.stringify(platform)} }, arch: { value: ${JSON.stringify(cpu)} } }); await import(${JSON.stringify(launcher)});`;
      return attempt([node!, "--input-type=module", "--eval", script], project);
    };

    const [freebsd, arm] = await Promise.all([elsewhere("freebsd", "x64"), elsewhere("win32", "arm64")]);
    const missing = await elsewhere("darwin", "arm64");

    for (const { exitCode, errors } of [freebsd, arm]) {
      expect([exitCode, errors]).toEqual([
        1,
        expect.stringMatching(/^qwen-gateway has no executable for \w+ on \w+: /),
      ]);
    }
    expect([missing.exitCode, missing.errors]).toEqual([
      1,
      expect.stringContaining('the package "@qwen-gateway/darwin-arm64" is not installed'),
    ]);
  });

  test("brings the client library to Node, from the same package", async () => {
    writeFileSync(
      join(project, "use.mjs"),
      `import { streamSSE } from "qwen-gateway/client";
let text = "";
await streamSSE(process.argv[2] + "/api/chat/stream", { message: "Count from 1 to 5" }, { onToken: (token) => { text += token; } });
console.log(text);
`,
    );
    const place = { folder: project, home: makeFolder("npm-client"), executable: launcher };
    await using gateway = await startBinary(["--port", "0"], {}, place);

    expect(await run([node!, "use.mjs", gateway.url], project)).toContain("1 2 3 4 5");
    // kill -9 would end the launcher alone.
    gateway.kill("SIGTERM");
    expect(await gateway.exited).toBe(0);
  });
});

describe("the package for Debian", () => {
  const file = () => join(release, `qwen-gateway_${version}_${host.debianArchitecture}.deb`);
  const needed = ["dpkg", "systemd-sysusers", "systemd-tmpfiles", "deb-systemd-helper"];
  const canInstall = process.getuid?.() === 0 && needed.every((tool) => Bun.which(tool) !== null);

  /** A root folder of its own, with nothing in it: the package's scripts act there. */
  async function createSystem() {
    const system = makeFolder(`system-${crypto.randomUUID()}`);
    for (const folder of ["info", "updates", "triggers"])
      mkdirSync(join(system, "var/lib/dpkg", folder), { recursive: true });
    mkdirSync(join(system, "etc"));
    writeFileSync(join(system, "var/lib/dpkg/status"), "");
    const words = ["dpkg", `--root=${system}`, "--force-script-chrootless", "--force-depends", "--log=/dev/null"];
    return {
      path: (name: string) => join(system, name),
      dpkg: (...more: readonly string[]) => run([...words, ...more], base),
      /** Its mode, and whether it belongs to the user or the group of the service. */
      describe(name: string): string {
        const { mode, uid, gid } = statSync(join(system, name));
        const read = (path: string) => /^qwen-gateway:x:(\d+):/m.exec(readFileSync(join(system, path), "utf8"))?.[1];
        const owner = String(uid) === read("etc/passwd") ? "qwen-gateway" : String(uid);
        const group = String(gid) === read("etc/group") ? "qwen-gateway" : String(gid);
        return `${(mode & 0o777).toString(8)} ${owner}:${group}`;
      },
    };
  }

  test("says what it is and needs, and marks its settings as the user's", async () => {
    if (!hasDebian) return console.warn("Not tried: dpkg-deb is missing");

    const control = await run(["dpkg-deb", "--field", file()], base);
    const files = await run(["dpkg-deb", "--contents", file()], base);
    const conffiles = await run(["dpkg-deb", "--info", file(), "conffiles"], base);

    expect(control).toContain(`\nVersion: ${version}\n`);
    expect(control).toContain(`\nArchitecture: ${host.debianArchitecture}\n`);
    expect(control).toMatch(/^Depends: libc6 \(>= 2\.17\), /m);
    // It has the /bin/kill by which the unit reloads, and is not on every system.
    expect(control).toMatch(/^Depends: .*, procps, /m);
    expect(conffiles).toBe("/etc/qwen-gateway/settings.env\n");
    expect(files.split("\n").filter((line) => line !== "" && !line.includes(" root/root "))).toEqual([]);
    expect(files).toMatch(/^-rw-r-----.* \.\/etc\/qwen-gateway\/settings\.env$/m);
  });

  test("makes a user, settings and data for the service alone, and the executable runs", async () => {
    if (!canInstall) return console.warn(`Not tried: it wants root, and ${needed.join(", ")}`);
    const system = await createSystem();
    await system.dpkg("--install", file());

    expect(readFileSync(system.path("etc/passwd"), "utf8")).toMatch(
      /^qwen-gateway:x:\d+:\d+:qwen-gateway:\/var\/lib\/qwen-gateway:\/usr\/sbin\/nologin$/m,
    );
    expect(system.describe("etc/qwen-gateway")).toBe("750 0:qwen-gateway");
    expect(system.describe("etc/qwen-gateway/settings.env")).toBe("640 0:qwen-gateway");
    expect(system.describe("var/lib/qwen-gateway")).toBe("700 qwen-gateway:qwen-gateway");
    const place = placeOf(system.path("usr/bin/qwen-gateway"), "debian-run");
    const settings = system.path("etc/qwen-gateway/settings.env");
    await using gateway = await startBinary(["serve", "--env-file", settings], { PORT: "0" }, place);
    expect(await askToCount(gateway.url)).toContain("1 2 3 4 5");
  });

  test("keeps changed settings over an upgrade and a removal, and a purge leaves nothing of them", async () => {
    if (!canInstall) return console.warn(`Not tried: it wants root, and ${needed.join(", ")}`);
    const system = await createSystem();
    const settings = system.path("etc/qwen-gateway/settings.env");
    await system.dpkg("--install", file());
    writeFileSync(settings, "API_KEY=mine\n");
    writeFileSync(system.path("var/lib/qwen-gateway/data"), "");
    await system.dpkg("--install", file());

    expect([readFileSync(settings, "utf8"), system.describe("etc/qwen-gateway/settings.env")]).toEqual([
      "API_KEY=mine\n",
      "640 0:qwen-gateway",
    ]);
    await system.dpkg("--remove", "qwen-gateway");
    expect(existsSync(system.path("usr/bin/qwen-gateway"))).toBe(false);
    expect([existsSync(settings), existsSync(system.path("var/lib/qwen-gateway/data"))]).toEqual([true, true]);
    await system.dpkg("--purge", "qwen-gateway");
    expect([existsSync(system.path("etc/qwen-gateway")), existsSync(system.path("var/lib/qwen-gateway"))]).toEqual([
      false,
      false,
    ]);
  });
});
