// What the project is made of: its packages, its top level, its lock file, and what its README promises.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../../package.json";
import { embed } from "../../../src/library.ts";
import { startHarness } from "../../support/harness.ts";
import { readSpecifiers } from "./read-imports.ts";
import { listSources, readProjectFile, root } from "./source-files.ts";

const { dependencies, devDependencies } = manifest;
const allPackages: Readonly<Record<string, string>> = { ...dependencies, ...devDependencies };

describe("package.json", () => {
  test("names the server, and the server answers [RC-001]", async () => {
    expect(dependencies).toHaveProperty("elysia");
    expect(readProjectFile("src/server/listen.ts")).toContain("Bun.serve(");
    expect(readProjectFile("src/server/create-app.ts")).toContain("new Elysia(");
    await using harness = await startHarness();

    const response = await harness.get("/health");

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: "ok" });
  });

  test("holds the four packages of the design, and the code uses the three that run [RC-002]", () => {
    expect(Object.keys(allPackages)).toEqual(
      expect.arrayContaining(["elysia", "@elysiajs/stream", "typebox", "bun-types"]),
    );
    const used = new Set(listSources("src").flatMap((file) => readSpecifiers(readProjectFile(`src/${file}`))));
    for (const name of ["elysia", "@elysiajs/stream", "typebox"]) expect([...used]).toContain(name);
  });

  test("pins every package to one version, and the lock file says the same", () => {
    const lock = readProjectFile("bun.lock");
    for (const [name, version] of Object.entries(allPackages)) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(lock).toContain(`"${name}": ["${name}@${version}"`);
    }
    expect(manifest.engines.bun).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("brings no test framework besides the runtime's [R0-058]", () => {
    const frameworks =
      /^(?:@?jest|vitest|@vitest|mocha|chai|jasmine|ava|tape?|uvu|node-tap|karma|@testing-library|sinon)\b/;
    const imported = listSources("test").flatMap((file) => readSpecifiers(readProjectFile(`test/${file}`)));

    expect(Object.keys(allPackages).filter((name) => frameworks.test(name))).toEqual([]);
    expect(imported.filter((name) => frameworks.test(name) || name === "node:test")).toEqual([]);
    expect(imported).toContain("bun:test");
  });
});

describe("the tree", () => {
  test("holds what the design names on top [RC-003]", () => {
    for (const name of ["package.json", "bunfig.toml", "tsconfig.json", "src", "test", "Dockerfile", "bun.lock"]) {
      expect(existsSync(join(root, name))).toBe(true);
    }
  });

  test("the README has the two commands that need nothing but Node", () => {
    const readme = readProjectFile("README.md");

    expect(readme).toContain(`npx --yes bun@${manifest.engines.bun} start`);
    expect(readme).toContain(`npx --yes bun@${manifest.engines.bun} run test`);
  });
});

describe("the hot path", () => {
  const hotRooms = ["gateway", "sse", "surfaces", "upstreams", "outbound", "emulator", "server", "library"];

  test("has no bridge to Node's streams [RC-004]", () => {
    const bridges = /^(?:node:)?(?:stream|stream\/.*|http|https)$/;
    const found = hotRooms.flatMap((room) =>
      listSources(`src/${room}`).filter((file) =>
        readSpecifiers(readProjectFile(`src/${room}/${file}`)).some((specifier) => bridges.test(specifier)),
      ),
    );

    expect(found).toEqual([]);
  });

  test("hands out web streams of bytes through the façade [RC-004]", async () => {
    const gateway = await embed({ environment: { LOG_LEVEL: "silent" } });
    const body = JSON.stringify({ stream: true, messages: [{ role: "user", content: "Hello" }] });

    const response = await gateway.chatCompletions(new Request("http://localhost/", { method: "POST", body }));

    expect(response.body).toBeInstanceOf(ReadableStream);
    for await (const chunk of response.body!) expect(chunk).toBeInstanceOf(Uint8Array);
    await gateway.shutdown();
  });
});
