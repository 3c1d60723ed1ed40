// Whether there is a newer version: asked of a registry on the loopback address, honest when it does not say.

import { describe, expect, test } from "bun:test";
import { runCommandLine } from "../../../src/cli/run-command-line.ts";
import { describeUpdate } from "../../../src/cli/update.ts";
import { version } from "../../../src/config/version.ts";
import { listSources, readProjectFile } from "../house/source-files.ts";

async function update(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const exitCode = await runCommandLine(["update", ...words], {
    environment,
    print: (text) => printed.push(text),
    complain: (text) => complaints.push(text),
    readInput: () => Promise.resolve(""),
  });
  return { exitCode, printed: printed.join("\n"), complained: complaints.join("\n") };
}

function serveRegistry(answer: (path: string) => Response) {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return answer(pathname);
    },
  });
  return { url: server.url.origin, asked, [Symbol.asyncDispose]: () => server.stop(true) };
}

describe("update", () => {
  test.each([
    ["99.0.0", `There is qwen-gateway 99.0.0; this is ${version}`],
    [version, `This is qwen-gateway ${version}, the newest version`],
    ["0.0.1", `This is qwen-gateway ${version}, newer than 0.0.1`],
  ])("says what there is when the newest version is %s", async (newest, sentence) => {
    await using registry = serveRegistry(() => Response.json({ name: "qwen-gateway", version: newest }));

    const told = await update(["--registry", `${registry.url}/npm/`]);

    expect([told.exitCode, told.complained]).toEqual([0, ""]);
    expect(told.printed).toStartWith(sentence);
    expect(registry.asked).toEqual(["/npm/qwen-gateway/latest"]);
  });

  test("asks the registry that npm is configured to", async () => {
    await using registry = serveRegistry(() => Response.json({ version }));

    expect((await update([], { npm_config_registry: `${registry.url}/` })).exitCode).toBe(0);
    expect(registry.asked).toEqual(["/qwen-gateway/latest"]);
  });

  test.each<[string, () => Response, string]>([
    ["404", () => new Response("", { status: 404 }), "has no package qwen-gateway"],
    ["500", () => new Response("secret", { status: 500 }), "answered 500"],
    ["no JSON", () => new Response("<html>"), "answered something other than a version"],
    ["a version that is a sentence", () => Response.json({ version: "1.0.0 \u001b[31m" }), "something other than"],
    ["no version", () => Response.json({}), "something other than a version"],
    ["null", () => new Response("null"), "something other than a version"],
    ["another address", () => Response.redirect("http://127.0.0.1:1/"), "cannot be reached: it leads elsewhere. "],
    ["an endless answer", () => new Response("x".repeat((1 << 20) + 1)), "its answer is too long"],
  ])("ends with 1 and says so when the registry answers %s", async (_what, answer, reason) => {
    await using registry = serveRegistry(answer);

    const told = await update(["--registry", registry.url]);

    expect([told.exitCode, told.printed]).toEqual([1, ""]);
    expect(told.complained).toStartWith(`Cannot find out the newest version: ${registry.url} `);
    expect(told.complained).toContain(reason);
    expect(told.complained).toEndWith(`This is ${version}`);
    for (const hidden of ["secret", "\u001b"]) expect(told.complained).not.toContain(hidden);
  });

  test("ends with 1 and says so when nobody answers", async () => {
    const closed = serveRegistry(() => new Response(""));
    await closed[Symbol.asyncDispose]();

    const told = await update(["--registry", closed.url]);

    expect(told.exitCode).toBe(1);
    expect(told.complained).toStartWith(
      `Cannot find out the newest version: ${closed.url} cannot be reached: nothing answers at its address. `,
    );
  });

  test.each(["ftp://registry", "registry", "https://user:secret@registry.example"])(
    "refuses the registry %p without repeating it",
    async (registry) => {
      const told = await update(["--registry", registry]);

      expect(told.exitCode).toBe(2);
      expect(told.complained).toContain("Cannot use the registry: it must be");
      expect(told.complained).not.toContain("secret");
    },
  );
});

test("describeUpdate orders versions as npm does", () => {
  expect(describeUpdate("1.9.0", "1.10.0")).toStartWith("There is qwen-gateway 1.10.0");
  expect(describeUpdate("1.0.0-rc.1", "1.0.0")).toStartWith("There is qwen-gateway 1.0.0");
  expect(describeUpdate("1.0.0", "1.0.0-rc.1")).toContain("newer than 1.0.0-rc.1");
});

test("nothing but this command knows a registry's address", () => {
  const knowing = listSources("src").filter((file) => readProjectFile(`src/${file}`).includes("registry.npmjs"));

  expect(knowing).toEqual(["cli/update.ts"]);
});
