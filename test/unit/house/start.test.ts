// What a serving process loads when it starts: the idle process is as large as that.

import { expect, test } from "bun:test";
import { posix } from "node:path";
import { readProjectFile } from "./source-files.ts";

/** Imports of values that run with the file, as the formatter leaves them; `import type` is gone when it runs. */
const statement = /^(?:import|export)\s+(?!type\b)[^;"'`]*?\bfrom\s*"([^"]+)";/gm;

function loadedWith(entries: readonly string[]): Set<string> {
  const loaded = new Set<string>();
  function load(name: string): void {
    if (loaded.has(name)) return;
    loaded.add(name);
    if (!name.endsWith(".ts")) return;
    for (const [, specifier = ""] of readProjectFile(`src/${name}`).matchAll(statement)) {
      load(specifier.startsWith(".") ? posix.join(posix.dirname(name), specifier) : specifier);
    }
  }
  entries.forEach(load);
  return loaded;
}

test("serve starts without what is asked for later, if ever", () => {
  const loaded = [...loadedWith(["main.ts", "cli/serve.ts", "app.ts"])];

  expect(loaded).toContain("gateway/gateway.ts");
  expect(loaded).toContain("elysia");
  const later =
    /^(emulator\/|admin\/|cli\/(list-commands|setup|examine|exchange|line-source|doctor|bench|accounts|keys)|node:(crypto|net|http)|prom-client|jose|@elysiajs|server\/(admin\/(?!admin-places)|responses\/(?!places)|openapi\/|auth\/(jwt|key-set|public-key|mint-jwt)\.ts))/;
  expect(loaded.filter((name) => later.test(name))).toEqual([]);
});
