// The microphone of the page out of the compiled executable, over a server that writes down what is said.

import { describe, expect, test } from "bun:test";
import { startStage } from "../e2e/stage.ts";
import { serveCompatible } from "../support/fake-compatible-server.ts";
import { agentPath } from "./agent-acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";

useBrowser(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);

const json = (body: object) => ({ body: JSON.stringify(body) });
const models = (...ids: string[]) => json({ object: "list", data: ids.map((id) => ({ id, object: "model" })) });
const heard = { "/v1/audio/transcriptions": json({ text: "What is the time?" }) };

async function startHearing(dialect: string, ids: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const server = serveCompatible([{ body: "{}" }], { ...heard, "/v1/models": models(...ids) });
  const stage = await startStage({
    environment: { UPSTREAM_BASE_URL: server.url, UPSTREAM_DIALECT: dialect, ...more },
  });
  return {
    server,
    stage,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(!hasBrowser)("the executable's microphone", () => {
  test("sends what was said to the server whose model hears, and writes its words into the message", async () => {
    await using hearing = await startHearing("vllm", ["qwen3-30b", "whisper-large-v3"]);
    const { stage, server } = hearing;
    expect(await (await stage.get("/api/speech")).json()).toEqual({
      transcription: { model: expect.stringMatching(/whisper-large-v3$/) },
    });
    expect((await stage.get("/chat")).headers.get("permissions-policy")).toContain("microphone=(self)");
    await using chat = await openChat(stage.gateway.url);
    const { page } = chat;

    await page.getByRole("button", { name: "Speak" }).click();
    await page.locator(".spoken-time", { hasText: /0:(?!00)/ }).waitFor();
    await page.getByRole("button", { name: "Write down what you said" }).click();
    await page.locator(".composer [role=status]", { hasText: "Written:" }).waitFor();

    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("What is the time?");
    const asked = server.requests.find(({ path }) => path === "/v1/audio/transcriptions");
    const form = await new Response(asked?.bytes.slice(), { headers: asked?.headers ?? {} }).formData();
    expect(form.get("model")).toBe("whisper-large-v3");
    expect((form.get("file") as File).size).toBeGreaterThan(100);
    expect(chat.complaints).toEqual([]);
  });

  test("works with a key and on the agent's tab, by the model of the settings", async () => {
    const MCP_SERVERS = JSON.stringify({ notes: { url: "http://127.0.0.1:9/mcp" } });
    const settings = { API_KEY: "k1", TRANSCRIPTION_MODEL: "my-ears", MCP_SERVERS };
    await using hearing = await startHearing("generic", ["qwen3-30b"], settings);
    await using chat = await openChat(hearing.stage.gateway.url, { path: agentPath, expected: /status of 401/ });
    const { page } = chat;
    expect((await hearing.stage.get("/api/speech")).status).toBe(401);
    await page.locator(".key-form input").fill("k1");
    await page.keyboard.press("Enter");

    await page.getByRole("button", { name: "Speak" }).click();
    await page.locator(".spoken-time", { hasText: /0:(?!00)/ }).waitFor();
    await page.getByRole("button", { name: "Write down what you said" }).click();
    await page.locator(".composer [role=status]", { hasText: "Written:" }).waitFor();

    expect(await page.getByLabel("Command", { exact: true }).inputValue()).toBe("What is the time?");
    expect(hearing.server.requests.filter(({ path }) => path === "/v1/audio/transcriptions")).toHaveLength(1);
    expect(chat.complaints).toEqual([]);
  });

  test("is not there without such a server, nor where no model of it hears", async () => {
    await using deaf = await startHearing("sglang", ["whisper-large-v3"]);
    await using writing = await startHearing("vllm", ["qwen3-30b"]);
    for (const { stage } of [deaf, writing]) {
      expect(await (await stage.get("/api/speech")).json()).toEqual({ transcription: null });
      await using chat = await openChat(stage.gateway.url);
      await chat.page.getByRole("button", { name: "Send (Enter)" }).waitFor();
      expect(await chat.page.getByRole("button", { name: "Speak" }).count()).toBe(0);
    }
    expect((await deaf.stage.get("/chat")).headers.get("permissions-policy")).toContain("microphone=()");
  });
});
