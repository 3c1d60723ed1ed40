// The code of the documents that is read and not typed: TypeScript compiles, JSON parses, settings are settings, and no
// command or flag is named that there is not. What is typed into a terminal: test/e2e/docs.test.ts.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listCommands } from "../../../src/cli/list-commands.ts";
import { listSettings } from "../../../src/config/config-names.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { shellLanguages, userDocuments } from "../../support/docs/list-documents.ts";
import { type CodeBlock, commandsOf, proseOf, readBlocks } from "../../support/docs/read-markdown.ts";
import { readProjectFile, root } from "./source-files.ts";

interface PlacedBlock extends CodeBlock {
  readonly at: string;
}

// Far beyond what they need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const blocks: readonly PlacedBlock[] = userDocuments.flatMap((path) =>
  readBlocks(readProjectFile(path)).map((block) => ({ ...block, at: `${path}:${block.line}` })),
);
const inLanguage = (...languages: string[]): readonly PlacedBlock[] =>
  blocks.filter(({ language }) => languages.includes(language));

test("each block says what it is", () => {
  const known = new Set([
    ...shellLanguages,
    "ts",
    "tsx",
    "json",
    "jsonl",
    "yaml",
    "toml",
    "ini",
    "diff",
    "promql",
    "text",
    "html",
    "js",
    "css",
    "sql",
    "http",
    "nginx",
    "dockerfile",
    "powershell",
  ]);

  expect(blocks.filter(({ language }) => !known.has(language)).map(({ at }) => at)).toEqual([]);
});

test("TypeScript compiles as strictly as the project", async () => {
  const parent = join(root, "dist");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "docs-code-"));
  try {
    const places = new Map<string, string>();
    inLanguage("ts", "tsx").forEach(({ language, before, text, at, notRun, file }, index) => {
      // Files of a recipe compile where they belong: dialect-recipe.test.ts.
      if (notRun !== undefined || file !== undefined) return;
      const name = `block-${index}.${language}`;
      places.set(name, at);
      writeFileSync(join(folder, name), `${before}\n${text}\n`);
    });
    const settings = {
      extends: "../../tsconfig.json",
      compilerOptions: {
        lib: ["ESNext", "DOM", "DOM.Iterable"],
        types: ["bun-types", "react"],
        jsx: "react-jsx",
        noUnusedLocals: false,
      },
      include: ["."],
      exclude: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const check = Bun.spawn([process.execPath, "check", "--no-script", "--no-pretty", "-p", folder], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors] = await Promise.all([
      new Response(check.stdout).text(),
      new Response(check.stderr).text(),
      check.exited,
    ]);
    const lines = `${output}${errors}`.split("\n");
    // The project's own files are checked by `bun run types`, without the types of browsers.
    const told = lines
      .filter((line) => /block-\d+\.tsx?\(/.test(line))
      .map((line) => line.replace(/\S*(block-\d+\.tsx?)/, (_, name: string) => places.get(name) ?? name));

    expect(places.size).toBeGreaterThan(4);
    expect(lines.join("\n")).toMatch(/checked \d+ files/);
    expect(told).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("JSON parses", () => {
  const lines = inLanguage("jsonl").flatMap(({ at, text }) => text.split("\n").map((line) => ({ at, text: line })));
  const broken = [...inLanguage("json"), ...lines].filter(({ text }) => !parses(() => JSON.parse(text)));

  expect(broken.map(({ at, text }) => `${at} ${text}`)).toEqual([]);
});

describe("YAML", () => {
  test("parses", () => {
    const broken = inLanguage("yaml").filter(({ text }) => !parses(() => Bun.YAML.parse(text)));

    expect(broken.map(({ at }) => at)).toEqual([]);
  });

  test.each(inLanguage("yaml").filter(({ other }) => other === undefined))(
    "of $at is a file of settings that the gateway takes",
    ({ text }) => {
      expect(() => loadConfig({ environment: {}, flags: {}, file: { path: "config.yaml", text } })).not.toThrow();
    },
  );
});

describe("names", () => {
  const commands = new Map(listCommands().map(({ name, flags }) => [name, new Set(flags.map((flag) => flag.name))]));

  test("of commands and flags are those of the program", () => {
    const typed = inLanguage(...shellLanguages).flatMap((block) =>
      commandsOf(block)
        .replaceAll("\\\n", " ")
        .split("\n")
        .map((text) => ({ at: block.at, text })),
    );
    const named = userDocuments.flatMap((path) =>
      [...proseOf(readProjectFile(path)).matchAll(/`(qwen-gateway [^`]+)`/g)].map(([, text = ""]) => ({
        at: path,
        text,
      })),
    );
    const wrong = [...typed, ...named].flatMap(({ at, text }) => wrongNamesOf(text).map((name) => `${at} ${name}`));

    expect(named.length).toBeGreaterThan(15);
    expect(wrong).toEqual([]);
  });

  function wrongNamesOf(line: string): string[] {
    return [...line.replace(/\s#\s.*/, "").matchAll(/(?<![\w/.-])qwen-gateway((?: [^|;&)#"'`]+)?)/g)].flatMap(
      ([, words = ""]) => {
        const parts = words.trim().split(/\s+/).filter(Boolean);
        if (parts[0] !== undefined && !/^[a-z]/.test(parts[0]) && !parts[0].startsWith("--")) return [];
        const isBare = parts[0] === undefined || parts[0].startsWith("--");
        const name = isBare ? "serve" : [parts.slice(0, 2).join(" "), parts[0]!].find((known) => commands.has(known));
        const groups = [...commands.keys()].some((known) => known.startsWith(`${parts[0]} `));
        if (name === undefined) return groups && (parts.length === 1 || parts[1]!.startsWith("--")) ? [] : [words];
        const own = parts.includes("--") ? parts.slice(0, parts.indexOf("--")) : parts;
        return own
          .filter((part) => part.startsWith("--"))
          .map((part) => part.slice(2).replace(/=.*/, ""))
          .filter((flag) => !commands.get(name)!.has(flag) && !["help", "version"].includes(flag))
          .map((flag) => `${name} --${flag}`);
      },
    );
  }

  // Variables of other programs, of the runtime, of tests and of releases.
  const others =
    /^(?:AIDER|ANTHROPIC|BAILIAN|BUN|CLAUDE|CLINE|CODEX|OPENAI|OLLAMA|VLLM|NODE|PROPERTY|XDG|SSL|HTTPS?|NO|NOTIFY)_|^(?:GATEWAY_\w+|QWEN_E2E|QWEN_KEY|QWEN_GATEWAY_\w+|CALENDAR_TOKEN|STORE_\w+|WORKERS|SOURCE_DATE_EPOCH|NPM_TOKEN|THIRD_PARTY_LICENSES)$/;

  test("of settings are settings", () => {
    const known = new Set(listSettings().map(({ environmentName }) => environmentName));
    const wrong = userDocuments.flatMap((path) =>
      [...readProjectFile(path).matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`/g)]
        .map(([, name = ""]) => name)
        .filter((name) => !known.has(name) && !others.test(name))
        .map((name) => `${path} ${name}`),
    );

    expect(wrong).toEqual([]);
  });
});

function parses(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}
