// The container image without a container engine: its files in a chroot, by scripts/prove-image.ts.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { builtInRuntimeVariables, runtimeVariables } from "../../src/cli/runtime-variables.ts";
import { createPlace, runBinary } from "../support/binary.ts";

const root = join(import.meta.dir, "..", "..");

test("the image's files alone serve: not as root, read-only but for /data, healthy, drained by SIGTERM [RC-009] [R4-064]", async () => {
  using place = createPlace();
  // Builds the executable when it is older than its source.
  await runBinary(["version"], {}, place);

  const proof = Bun.spawnSync([process.execPath, join(root, "scripts", "prove-image.ts")], {
    stdio: ["ignore", "pipe", "pipe"],
  });

  const output = proof.stdout.toString();
  expect([proof.exitCode, proof.stderr.toString()]).toEqual([0, ""]);
  // Only root may make a chroot; the script says so itself.
  if (process.getuid?.() !== 0) return expect(output).toStartWith("Skipped:");
  for (const proven of [
    "it runs as uid 65532",
    "healthcheck ends with 0",
    "everything but /data is read-only",
    "the database is in /data",
    "SIGTERM ends it with 0",
  ]) {
    expect(output).toContain(`ok: ${proven}\n`);
  }
}, 60_000);

test("the Dockerfile says what the chroot proves [RC-009] [R4-064]", () => {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  const script = readFileSync(join(root, "scripts", "prove-image.ts"), "utf8");

  expect(dockerfile).toContain("\nUSER 65532:65532\n");
  expect(script).toContain("const userId = 65532;");
  for (const [name, value] of [
    ["HOST", "0.0.0.0"],
    ["DATA_DIR", "/data"],
    ["GENERATE_API_KEY", "true"],
  ]) {
    expect(dockerfile).toContain(`${name}=${value}`);
    expect(script).toContain(`${name}: "${value}"`);
  }
  expect(dockerfile).toMatch(/^VOLUME \/data$/m);
  expect(dockerfile).toMatch(/^HEALTHCHECK .* CMD \["\/qwen-gateway", "healthcheck"\]$/m);
});

test("the image has all variables for whose sake the program would replace itself [RC-009]", () => {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  const [, set = ""] = /^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile) ?? [];
  const variables = Object.fromEntries(set.split(/\s*\\?\n\s*/).map((line) => line.split("=")));

  expect(variables).toMatchObject({ ...runtimeVariables, ...builtInRuntimeVariables });
});

describe("for two architectures", () => {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");

  test("the machine that builds compiles for the one that runs, by the names of both", () => {
    expect(dockerfile).toMatch(/^FROM --platform=\$BUILDPLATFORM node:[\w.-]+ AS build\nARG TARGETARCH$/m);
    const [, words = ""] = /^RUN bun run build (.*)$/m.exec(dockerfile) ?? [];
    const target = (architecture: string) =>
      Bun.spawnSync(["sh", "-c", `printf %s "${words}"`], { env: { TARGETARCH: architecture } }).stdout.toString();

    expect(["amd64", "arm64", ""].map(target)).toEqual(["--target=bun-linux-amd64", "--target=bun-linux-arm64", ""]);
  });

  test("what is copied goes to the build, and what the build reads is among it", () => {
    const sent = readFileSync(join(root, ".dockerignore"), "utf8")
      .split("\n")
      .flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap((match) => match[1]!.split(" "));
    const fromSource = [...dockerfile.matchAll(/\/source\/(\w+) /g)].map((match) => match[1]!);

    expect(copied.filter((name) => name !== "." && !sent.includes(name))).toEqual([]);
    expect(fromSource.filter((name) => !sent.includes(name))).toEqual([]);
    for (const name of sent) expect([name, existsSync(join(root, name))]).toEqual([name, true]);
  });

  test("the licences that it writes are those of a release", () => {
    using place = createPlace();
    const file = join(place.folder, "THIRD_PARTY_LICENSES");
    const script = join(root, "scripts/write-licenses.ts");

    expect(Bun.spawnSync([process.execPath, script, file]).exitCode).toBe(0);
    expect(readFileSync(file, "utf8")).toContain("JavaScriptCore");
    expect(Bun.spawnSync([process.execPath, script]).exitCode).toBe(2);
  });
});
