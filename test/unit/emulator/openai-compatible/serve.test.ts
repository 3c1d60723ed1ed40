// The emulator on a socket: what only a real connection shows, and its control routes.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  type ScriptEntry,
  serveOpenAICompatibleEmulator,
} from "../../../../src/emulator/openai-compatible-emulator.ts";
import { at } from "../emulator-client.ts";
import { chatRequest, readStream } from "./client.ts";

const served = serveOpenAICompatibleEmulator({
  hostname: "127.0.0.1",
  port: 0,
  dialect: "vllm",
  seed: 1,
  tokenDelayMs: 0,
});
const { url, emulator } = served;

beforeEach(() => emulator.reset());
afterAll(() => served.stop());

async function control(path: string, body: unknown): Promise<Response> {
  return fetch(`${url}/__emulator/${path}`, { method: "POST", body: JSON.stringify(body) });
}

async function ask(entry?: ScriptEntry, signal?: AbortSignal): Promise<Response> {
  if (entry !== undefined) expect((await control("script", entry)).status).toBe(200);
  const request = chatRequest("vllm", { stream: true });
  const init = { method: "POST", headers: request.headers, body: await request.text() };
  return fetch(`${url}/v1/chat/completions`, signal === undefined ? init : { ...init, signal });
}

describe("serveOpenAICompatibleEmulator", () => {
  test("answers over HTTP as in process", async () => {
    const { content, isDone } = readStream(await (await ask({ reply: { text: "Hello over HTTP" } })).text());

    expect([content, isDone]).toEqual(["Hello over HTTP", true]);
  });

  test("resets the connection before the head and in the middle", async () => {
    await expect(ask({ refuse: "reset" })).rejects.toMatchObject({ code: "ECONNRESET" });
    const response = await ask({ reply: { chunks: ["one", "two"], faults: [{ kind: "drop", after: 2 }] } });

    await expect(response.text()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("notes a client that hangs up", async () => {
    const leaving = new AbortController();
    const response = await ask({ reply: { faults: [{ kind: "stall" }] } }, leaving.signal);
    await response.body?.getReader().read();
    leaving.abort();

    await emulator.until((requests) => requests.at(-1)?.aborted === true);
  });

  test("compresses where it is told to", async () => {
    const response = await ask({ reply: { chunks: ["one", " two"], encoding: "gzip" } });

    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(readStream(await response.text()).content).toBe("one two");
  });

  test("shows its requests, its dialect and what is wrong with an order", async () => {
    await (await ask()).text();

    expect(at(await (await fetch(`${url}/__emulator/requests`)).json(), 0)).toMatchObject({
      on: "completions",
      account: "sk-a",
    });
    expect(await (await fetch(`${url}/__emulator/dialect`)).json()).toEqual({ dialect: "vllm" });
    const wrong = await control("script", { reply: { txt: "typo" } });
    expect([wrong.status, at(await wrong.json(), "error")]).toEqual([400, expect.stringContaining("script")]);
    await control("reset", {});
    expect(await (await fetch(`${url}/__emulator/requests`)).json()).toEqual([]);
  });
});
