// Two servers as people use them: server-everything over each transport, and server-filesystem.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ToolServerSettings } from "../../../../src/config/mcp-servers.ts";
import { createMcpStage } from "../../../support/mcp-stage.ts";

// Far beyond what the tests need, for machines that are busy with something else: they start processes.
setDefaultTimeout(30_000);

const packages = join(import.meta.dir, "../../../../node_modules/@modelcontextprotocol");

function server(name: string, ...args: string[]): ToolServerSettings {
  const path = join(packages, `server-${name}/dist/index.js`);
  const target = { kind: "stdio", command: process.execPath, args: [path, ...args], env: {}, cwd: undefined } as const;
  return { name, target, isDisabled: false, isShared: true, callTimeoutMs: undefined };
}

interface Listening extends AsyncDisposable {
  readonly settings: ToolServerSettings;
}

async function listen(transport: "streamableHttp" | "sse"): Promise<Listening> {
  const free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = free.port;
  await free.stop(true);
  const child = Bun.spawn([process.execPath, join(packages, "server-everything/dist/index.js"), transport], {
    env: { PATH: process.env["PATH"] ?? "", PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  for await (const chunk of child.stderr) {
    said += new TextDecoder().decode(chunk);
    if (said.includes(`port ${port}`)) break;
  }
  const url = `http://127.0.0.1:${port}/${transport === "sse" ? "sse" : "mcp"}`;
  return {
    settings: { ...server("everything"), target: { kind: "any-http", url, headers: {}, oauth: undefined } },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

describe.each([["stdio"], ["streamableHttp"], ["sse"]] as const)("server-everything over %s", (transport) => {
  test("is listed and called: text, data, pictures, resources, progress, questions [R4-057]", async () => {
    await using listening = transport === "stdio" ? undefined : await listen(transport);
    await using stage = createMcpStage(listening?.settings ?? server("everything"));
    const told: string[] = [];
    const elicit = async () => ({ action: "accept" as const, content: { name: "Ann" } });

    const names = (await stage.tools()).map(({ name }) => name);
    const echo = await stage.call("echo", { message: "hello" });
    const sum = await stage.call("get-sum", { a: 2, b: 3 });
    const weather = await stage.call("get-structured-content", { location: "New York" });
    const image = await stage.call("get-tiny-image");
    const resource = await stage.call("get-resource-reference", { resourceType: "Text", resourceId: 1 });
    const links = await stage.call("get-resource-links", { count: 2 });
    const steps = { duration: 0.2, steps: 2 };
    await stage.call("trigger-long-running-operation", steps, { onProgress: (text) => void told.push(text) });
    const asked = await stage.call("trigger-elicitation-request", {}, { elicit });
    const wrong = await stage.call("get-sum", { a: "x" });

    expect(names).toContain("echo");
    expect(echo).toEqual({ text: "Echo: hello", isError: false, isCut: false });
    expect(sum.text).toContain("5");
    expect(weather.structured).toMatchObject({ temperature: expect.any(Number) });
    expect(image.text).toContain("[image: image/png, ");
    expect(resource.text).toContain("[resource: demo://resource/dynamic/text/1]\n");
    expect(links.text.match(/\[resource: /g)).toHaveLength(2);
    expect(told).toEqual(["1/2", "2/2"]);
    expect(asked.text).toContain("Ann");
    expect(wrong.isError).toBe(true);
  });
});

describe("server-filesystem", () => {
  test("writes and reads within its folder, refuses what is outside, and says what overwrites [R4-057]", async () => {
    const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-files-"));
    try {
      await using stage = createMcpStage(server("filesystem", folder));
      const path = join(folder, "note.txt");

      const tools = await stage.tools();
      const written = await stage.call("write_file", { path, content: "milk" });
      const read = await stage.call("read_text_file", { path });
      const outside = await stage.call("read_text_file", { path: "/etc/hostname" });

      const hints = Object.fromEntries(tools.map(({ name, hints: said }) => [name, said]));
      expect(hints["read_text_file"]?.readOnly).toBe(true);
      expect(hints["write_file"]).toMatchObject({ readOnly: false, destructive: true });
      expect(written.isError).toBe(false);
      expect(readFileSync(path, "utf8")).toBe("milk");
      expect(read.text).toBe("milk");
      expect(outside.isError).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
