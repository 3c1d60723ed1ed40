// The floors of src/README.md, enforced: imports run downwards, wings do not know one another, nothing runs in a circle.

import { describe, expect, test } from "bun:test";
import { join, posix } from "node:path";
import { findViolations, type Import } from "./import-rules.ts";
import { hasComputedImport, readSpecifiers } from "./read-imports.ts";
import { listSources, readProjectFile, root } from "./source-files.ts";

const files = listSources("src");

function readImportsOfHouse(): Import[] {
  return files.flatMap((from) =>
    readSpecifiers(readProjectFile(`src/${from}`))
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => ({ from, to: posix.join(posix.dirname(from), specifier) }))
      // What lies outside of src/ is data, such as package.json; SQL text belongs to the file that embeds it.
      .filter(({ to }) => !to.startsWith("..") && /\.tsx?$/.test(to)),
  );
}

/** They run when they are loaded: the program, and the files of the pages that the browser loads. */
const pageEntries = ["page/main.ts", "page/status/main.ts", "page/before-paint.ts"];
const entries: ReadonlySet<string> = new Set(["boot.ts", "main.ts", ...pageEntries]);

describe("the house", () => {
  test("imports run downwards, not sideways, not in a circle [R0-042]", () => {
    const imports = readImportsOfHouse();

    expect(imports.length).toBeGreaterThan(300);
    expect(findViolations(imports)).toEqual([]);
  });

  test("every import names a file that exists, and is written down as text", () => {
    const known = new Set(files);

    expect(readImportsOfHouse().filter(({ to }) => !known.has(to))).toEqual([]);
    expect(files.filter((file) => hasComputedImport(readProjectFile(`src/${file}`)))).toEqual([]);
  });

  test("every module but the entries can be imported alone, and does nothing by that [R0-042]", async () => {
    // What draws the page is compiled by settings of its own, which only the bundler looks for.
    const modules = files.filter((file) => !entries.has(file) && !/\.d\.ts$|\.tsx$/.test(file));

    const result = Bun.spawnSync([process.execPath, "--eval", importEach(modules)], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {},
    });

    expect(result.stderr.toString()).toBe("");
    expect(result.stdout.toString()).toBe(`${modules.length} modules\n`);
    expect(result.exitCode).toBe(0);
  });
});

/** Prints how many were imported; a module that prints, or keeps the process alive, shows. */
function importEach(modules: readonly string[]): string {
  const lines = modules.map((file) => `await import(${JSON.stringify(join(root, "src", file))});`);
  return `${lines.join("\n")}\nconsole.log("${modules.length} modules");`;
}

describe("findViolations", () => {
  test("says nothing of a sound house", () => {
    const sound = [
      { from: "boot.ts", to: "main.ts" },
      { from: "main.ts", to: "cli/run.ts" },
      { from: "cli/run.ts", to: "app.ts" },
      { from: "library.ts", to: "library/embedded.ts" },
      { from: "app.ts", to: "surfaces/index.ts" },
      { from: "surfaces/index.ts", to: "surfaces/openai-chat/surface.ts" },
      { from: "surfaces/openai-chat/surface.ts", to: "surfaces/shared.ts" },
      { from: "gateway/replies/relay.ts", to: "contract/events.ts" },
      { from: "store/store.ts", to: "contract/json.ts" },
      { from: "client/stream.ts", to: "sse/sse-decoder.ts" },
    ];

    expect(findViolations(sound)).toEqual([]);
  });

  test.each([
    ["upward", { from: "gateway/replies/relay.ts", to: "server/listen.ts" }, "upward, from floor 2 to floor 4"],
    [
      "upward from the ground",
      { from: "sse/sse-decoder.ts", to: "gateway/replies/relay.ts" },
      "from floor 1 to floor 2",
    ],
    ["sideways", { from: "gateway/gateway.ts", to: "upstreams/qwen-web/upstream.ts" }, "sideways, between two rooms"],
    ["sideways on the sixth floor", { from: "cli/serve.ts", to: "library.ts" }, "sideways, between two rooms"],
    [
      "from wing to wing",
      { from: "surfaces/openai-chat/surface.ts", to: "surfaces/openai-completions/surface.ts" },
      "sideways, from one wing to another",
    ],
    [
      "from a shared file to a wing",
      { from: "upstreams/shared.ts", to: "upstreams/qwen-web/upstream.ts" },
      "a shared file that knows a wing",
    ],
    ["of the client", { from: "client/stream.ts", to: "contract/json.ts" }, "the client library knows sse/ alone"],
    ["into an unknown room", { from: "app.ts", to: "helpers/text.ts" }, 'the house has no room "helpers"'],
  ])("finds a planted import %s", (_name, planted, sentence) => {
    const violations = findViolations([{ from: "app.ts", to: "server/listen.ts" }, planted]);

    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(`${planted.from} imports ${planted.to}: `);
    expect(violations[0]).toContain(sentence);
  });

  test("finds a planted circle of files within a room", () => {
    const violations = findViolations([
      { from: "sse/a.ts", to: "sse/b.ts" },
      { from: "sse/b.ts", to: "sse/c.ts" },
      { from: "sse/c.ts", to: "sse/a.ts" },
    ]);

    expect(violations).toEqual(["files import one another in a circle: sse/a.ts -> sse/b.ts -> sse/c.ts -> sse/a.ts"]);
  });

  test("finds a planted circle of ground rooms whose files run in none", () => {
    const violations = findViolations([
      { from: "store/a.ts", to: "conversation/b.ts" },
      { from: "conversation/c.ts", to: "telemetry/d.ts" },
      { from: "telemetry/e.ts", to: "store/f.ts" },
    ]);

    expect(violations).toEqual(["rooms import one another in a circle: store -> conversation -> telemetry -> store"]);
  });
});

describe("readSpecifiers", () => {
  test("finds every form of import, and none in a comment", () => {
    const source = [
      'import { a } from "./static.ts";',
      "import type {\n  B,\n  C,\n} from './types.ts';",
      'import "./effects.ts";',
      'export { d } from "./named.ts";',
      'export * from "./all.ts";',
      'import text from "./migration.sql" with { type: "text" };',
      'const e = await import("./later.ts");',
      'function f(usage: import("./usage.ts").Usage) {}',
      '// import { g } from "./comment.ts";',
      '/**\n * import { h } from "./doc.ts";\n * import("./doc-call.ts")\n */',
    ].join("\n");

    expect(readSpecifiers(source).sort()).toEqual([
      "./all.ts",
      "./effects.ts",
      "./later.ts",
      "./migration.sql",
      "./named.ts",
      "./static.ts",
      "./types.ts",
      "./usage.ts",
    ]);
  });

  test("hasComputedImport tells an import that cannot be read", () => {
    expect(hasComputedImport('await import("./a.ts")')).toBe(false);
    expect(hasComputedImport("await import(path)")).toBe(true);
  });
});
