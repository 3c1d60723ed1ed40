// The emulator on a socket: what only a real connection shows, and the control routes.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type ScriptEntry, serveEmulator } from "../../../src/emulator/qwen-web-emulator.ts";
import { at, json, newChat, post, readTurn, turn, turnRequest } from "./emulator-client.ts";

const served = serveEmulator({ hostname: "127.0.0.1", port: 0, seed: 1, tokenDelayMs: 0 });
const { url, emulator } = served;
const client = { fetch: (request: Request) => fetch(request) };

beforeEach(() => emulator.reset());
afterAll(() => served.stop());

async function control(path: string, body: unknown): Promise<Response> {
  return fetch(`${url}/__emulator/${path}`, { method: "POST", body: JSON.stringify(body) });
}

async function start(entry: ScriptEntry, signal?: AbortSignal): Promise<Response> {
  const chatId = await newChat(client, "token-a", url);
  await control("script", entry);
  return fetch(turnRequest({ chatId, content: "hello", ...(signal === undefined ? {} : { signal }) }, url));
}

describe("serveEmulator", () => {
  test("answers over HTTP as in process", async () => {
    const chatId = await newChat(client, "token-a", url);
    const first = await turn(client, { chatId, content: "My name is Ada." }, url);
    const second = await turn(client, { chatId, parentId: first.responseId, content: "What is my name?" }, url);
    expect(second.answer).toContain("Ada");
  });

  test.each(["gzip", "br"] as const)("compresses with %s, event by event", async (encoding) => {
    // The head travels with the first event, so that one is let through beforehand.
    await control("release", { gate: "g" });
    const response = await start({ gate: "g", reply: { chunks: ["a", "b"], encoding } });
    expect(response.headers.get("content-encoding")).toBe(encoding);
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    let text = decoder.decode((await reader?.read())?.value);
    expect(text).toContain("response.created");
    await control("release", { gate: "g", count: "all" });
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      text += decoder.decode(part.value);
    }
    expect(readTurn(text)).toMatchObject({ answer: "ab", isFinished: true });
  });

  test("resets the connection before the head and in the middle", async () => {
    await expect(start({ refuse: "reset" })).rejects.toMatchObject({ code: "ECONNRESET" });
    const response = await start({ reply: { chunks: ["a"], faults: [{ kind: "drop", after: 2 }] } });
    const reader = response.body?.getReader();
    let text = "";
    const readAll = async () => {
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        text += new TextDecoder().decode(part.value);
      }
    };
    await expect(readAll()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(readTurn(text).answer).toBe("a");
  });

  test("ends cleanly without a finish when told so", async () => {
    const response = await start({ reply: { chunks: ["a", "b"], faults: [{ kind: "end", after: 2 }] } });
    expect(readTurn(await response.text())).toMatchObject({ answer: "a", isFinished: false });
  });

  test("notes a client that hangs up in a stream and in a silence", async () => {
    const leaving = new AbortController();
    const response = await start({ reply: { faults: [{ kind: "stall" }] } }, leaving.signal);
    await response.body?.getReader().read();
    leaving.abort();
    await emulator.until((requests) => requests.at(-1)?.aborted === true);

    const other = new AbortController();
    await control("script", { on: "chats/new", refuse: "silence" });
    const silent = fetch(post(`${url}/api/v2/chats/new`, {}, "token-a", { signal: other.signal })).catch(
      (error: unknown) => error,
    );
    await emulator.until((requests) => requests.at(-1)?.refusal === "silence");
    other.abort();
    expect(await silent).toMatchObject({ name: "AbortError" });
    await emulator.until((requests) => requests.at(-1)?.aborted === true);
  });

  test("does not run ahead of a client that does not read", async () => {
    const response = await start({ reply: { chunks: ["x".repeat(100_000)], repeat: 2000 } });
    const record = emulator.requests.at(-1);
    const reader = response.body?.getReader();
    await reader?.read();
    // Other exchanges pass meanwhile: time enough to send everything, were nobody to wait for the reader.
    for (let count = 0; count < 50; count++) {
      const chatId = await newChat(client, "token-a", url);
      await turn(client, { chatId, content: "hello" }, url);
    }
    expect(record?.eventsDelivered).toBeLessThan(1000);
    await reader?.cancel();
  });

  test("shows requests and chats, marks tokens and resets over its control routes", async () => {
    const chatId = await newChat(client, "token-a", url);
    expect(at(await json(await fetch(`${url}/__emulator/requests`)), 0, "path")).toBe("/api/v2/chats/new");
    expect(at(await json(await fetch(`${url}/__emulator/chats`)), 0, "id")).toBe(chatId);
    expect((await control("tokens", { token: "token-a", state: "expired" })).status).toBe(200);
    expect(await newChat(client, "token-a", url)).toBe("undefined");
    await control("reset", {});
    expect(await json(await fetch(`${url}/__emulator/chats`))).toEqual([]);
    expect(await newChat(client, "token-a", url)).not.toBe("undefined");
  });

  test("refuses scripts that it does not understand", async () => {
    const response = await control("script", { reply: { txt: "typo" } });
    expect(response.status).toBe(400);
    expect(at(await json(response), "error")).toContain("script");
    expect((await control("nothing", {})).status).toBe(404);
    expect((await control("release", {})).status).toBe(400);
  });
});
