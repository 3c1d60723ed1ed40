// The client library in the npm package as its users get it: packed, installed into an empty project, type-checked, run by
// Node, bundled, and its hooks under React 18. React 19 is what the unit tests have. The registry is asked for React 18 alone;
// one of our own says that it has no executables (those are in release.test.ts).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json";
import { serveNpmRegistry } from "../support/npm-registry.ts";
import { startChatServer } from "../unit/client/chat-server.ts";

const root = join(import.meta.dir, "..", "..");
const project = mkdtempSync(join(tmpdir(), "package-user-"));
const installed = join(project, "node_modules", manifest.name);
const node = Bun.which("node");
const events = [{ metadata: { stream_id: "stream-1" } }, { stage: "generation" }, { token: "Hi " }, { token: "there" }];

async function run(command: readonly string[], cwd = project): Promise<string> {
  const child = Bun.spawn([...command], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${child.exitCode}: ${output}${errors}`);
  return output;
}

const write = (name: string, text: string) => writeFileSync(join(project, name), text);

beforeAll(async () => {
  const folder = join(project, "package");
  await run([process.execPath, "scripts/build-package.ts", "--outdir", folder], root);
  const [tarball] = (await run([process.execPath, "pm", "pack", "--quiet", "--destination", project], folder))
    .trim()
    .split("\n");
  const dependencies = { [manifest.name]: `file:${tarball}`, react: "18.3.1", "react-dom": "18.3.1" };
  write("package.json", JSON.stringify({ name: "user", private: true, type: "module", dependencies }));
  await using executables = await serveNpmRegistry(mkdtempSync(join(project, "none-")));
  write(".npmrc", `@qwen-gateway:registry=${executables.url}\n`);
  await run([process.execPath, "install", "--silent"]);
  expect(executables.asked).toContain("@qwen-gateway/linux-x64");
  // What is tried out with is ours, and lies beside.
  for (const name of ["happy-dom", "@types"]) {
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
  }
}, 60_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the package", () => {
  test("holds modules, their types, a licence and how it is used; nothing of this machine", () => {
    const names = readdirSync(installed).filter((name) => !name.startsWith(".") && name !== "bin");

    expect(names).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json", "client.js", "client.d.ts"]));
    expect(names.filter((name) => !/^(LICENSE|README\.md|package\.json|[\w-]+\.(js|d\.ts))$/.test(name))).toEqual([]);
    const texts = names.map((name) => readFileSync(join(installed, name), "utf8"));
    expect(texts.filter((text) => text.includes(root) || /from "[^"]+\.ts"/.test(text))).toEqual([]);
    const { dependencies, exports, bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(dependencies).toBeUndefined();
    expect([bin, readdirSync(join(installed, "bin"))]).toEqual([
      { "qwen-gateway": "bin/qwen-gateway.js" },
      ["qwen-gateway.js"],
    ]);
    expect(Object.keys(exports)).toEqual(["./client", "./react", "./package.json"]);
  });

  test.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("is understood by a strict compiler with module %s", async (module, moduleResolution) => {
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      target: "es2022",
      lib: ["es2022", "dom"],
      types: [],
      module,
      moduleResolution,
    };
    write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["use.ts"] }));
    write(
      "use.ts",
      `import { SSEError, stopStream, streamSSE, TokenBuffer, type SSECallbacks, type SSEEvent } from "qwen-gateway/client";
import { useChat, useSSEStream, type ChatMessage } from "qwen-gateway/react";

const event: SSEEvent = { token: "Hi" };
const buffer = new TokenBuffer((text: string) => console.log(text, event));
const callbacks: SSECallbacks = {
  onToken: (token) => buffer.add(token),
  onSources: (sources) => console.log(sources[0]?.document_name, sources[0]?.score.toFixed(2)),
  onError: (error) => console.log(error instanceof SSEError && error.code === "timeout"),
};
const options = { fetch, resume: true, headers: new Headers() };
await streamSSE(new URL("http://localhost/"), { message: "Hello" }, callbacks, AbortSignal.timeout(5), options);
const wasRunning: boolean = await stopStream("/api/chat/stream", "id");

export function useIt(): readonly ChatMessage[] {
  const { startStream } = useSSEStream({ maxRetries: 1 });
  void startStream("/api/chat/stream", { wasRunning }, callbacks);
  const chat = useChat({ url: "/api/chat/stream" });
  // @ts-expect-error: there is no such callback
  void startStream("/", {}, { onWord() {} });
  // @ts-expect-error: not a status
  const isOdd = chat.status === "odd";
  return isOdd ? [] : chat.messages;
}
`,
    );

    await run([join(root, "node_modules/.bin/tsc"), "--project", "tsconfig.json"]);
  });

  test("runs in Node", async () => {
    if (node === null) return console.warn("Not tried in Node: there is none on this machine");
    await using server = await startChatServer(events, [{ afterEvents: 3 }]);
    write(
      "use.mjs",
      `import { streamSSE } from "qwen-gateway/client";
const heard = [];
await streamSSE(process.argv[2], { message: "Hello" }, {
  onStage: (stage) => heard.push(stage),
  onToken: (token) => heard.push(token),
  onComplete: () => heard.push("complete"),
}, undefined, { resume: true, retryDelay: 1, log() {} });
console.log(JSON.stringify(heard));
`,
    );

    expect(JSON.parse(await run([node, "use.mjs", server.url]))).toEqual(["generation", "Hi ", "there", "complete"]);
  });

  test("is bundled with what is used of it, and no more", async () => {
    write(
      "page.js",
      'import { TokenBuffer } from "qwen-gateway/client";\nconsole.log(new TokenBuffer(console.log));\n',
    );

    const { outputs } = await Bun.build({ entrypoints: [join(project, "page.js")], minify: true, target: "browser" });
    const text = await outputs[0]!.text();

    expect(text).not.toContain("event-stream");
    expect(text.length).toBeLessThan(1000);
  });

  test("has hooks that run under React 18, in strict mode, after a reload", async () => {
    await using server = await startChatServer(events);
    write(
      "chat.mjs",
      `import { Window } from "happy-dom";
const window = new Window();
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
// React 18 asks the browser for its name; Node has none before 21.
globalThis.navigator ??= window.navigator;
const { createElement, StrictMode, version } = await import("react");
const { createRoot } = await import("react-dom/client");
const { act } = await import("react-dom/test-utils");
const { useChat } = await import("qwen-gateway/react");

let chat;
function Page(props) {
  chat = useChat({ url: process.argv[2], storage: null, ...props });
  return chat.messages.map(({ id, content }) => createElement("p", { key: id }, content));
}
async function show(props) {
  const container = document.createElement("div");
  const root = createRoot(container);
  await act(async () => root.render(createElement(StrictMode, null, createElement(Page, props))));
  return { root, container };
}
const first = await show({});
await act(() => chat.send("Hello"));
const sent = first.container.innerHTML;
await act(async () => first.root.unmount());
const second = await show({ streamId: "stream-1" });
while (chat.status !== "ready") await act(() => new Promise((resolve) => setImmediate(resolve)));
console.log(JSON.stringify([version, sent, second.container.innerHTML]));
process.exit();
`,
    );

    expect(JSON.parse(await run([node ?? process.execPath, "chat.mjs", server.url]))).toEqual([
      "18.3.1",
      "<p>Hello</p><p>Hi there</p>",
      "<p>Hi there</p>",
    ]);
  });
});
