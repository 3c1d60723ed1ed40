// Pictures, documents, uploaded files and conversations through the official clients, against the compiled executable: over
// the emulated Qwen, which checks the signature of each upload, and over servers of OpenAI's protocol.

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import Anthropic, { toFile as toAnthropicFile } from "@anthropic-ai/sdk";
import OpenAI, { toFile } from "openai";
import type { SeenFile } from "../../src/emulator/file-store.ts";
import { type ClientStage, startClientStage } from "../support/client-stage.ts";
import { pdfOf, pdfUrl, pngOf, pngUrl } from "../support/sample-files.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const model = "qwen3-max";
const sha256 = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** A server of pictures, one of which never comes. */
function servePictures() {
  const hanging = Promise.withResolvers<Response>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      url.endsWith("/slow.png")
        ? hanging.promise
        : new Response(url.endsWith(".pdf") ? pdfOf("Seven") : pngOf("served")),
  });
  return {
    origin: server.url.origin,
    async [Symbol.asyncDispose]() {
      hanging.resolve(new Response("late"));
      await server.stop(true);
    },
  };
}

async function refusalOf(work: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error: unknown = await Promise.resolve(work).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof OpenAI.APIError) return error;
  throw new Error(`Expected an error of the API, got ${String(error)}`);
}

describe("over a Qwen account", () => {
  let stage: Stage;
  let pictures: ReturnType<typeof servePictures>;
  beforeAll(async () => {
    pictures = servePictures();
    stage = await startStage({
      environment: {
        FILE_FETCH_ORIGINS: pictures.origin,
        FILE_FETCH_TIMEOUT_MS: "200",
        MAX_FILE_BYTES: "20000",
        RETRY_BASE_DELAY_MS: "5",
      },
    });
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await pictures[Symbol.asyncDispose]();
  });
  beforeEach(() => stage.emulator.reset());

  const claude = () => new Anthropic({ baseURL: stage.gateway.url, apiKey: "none", maxRetries: 0 });

  async function stored(): Promise<(string | undefined)[]> {
    const files = (await (await fetch(`${stage.emulator.url}/__emulator/files`)).json()) as SeenFile[];
    return files.map((file) => file.stored?.sha256);
  }

  async function lastFiles(): Promise<string[]> {
    const turn = (await stage.emulator.turns()).at(-1);
    const body = turn?.record.body as { messages: [{ files: { type: string; name: string }[] }] } | undefined;
    return body?.messages[0].files.map(({ type, name }) => `${type} ${name}`) ?? [];
  }

  async function chains(): Promise<boolean> {
    const turns = (await stage.emulator.turns()).slice(-2);
    const [first, second] = turns;
    if (first === undefined || second === undefined) return false;
    return second.parentId === first.responseId && second.chatId === first.chatId;
  }

  test("chat completions with pictures by data URL and by address, in two turns", async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      {
        role: "user",
        content: [
          { type: "text", text: "Compare" },
          { type: "image_url", image_url: { url: pngUrl("a"), detail: "low" } },
          { type: "image_url", image_url: { url: `${pictures.origin}/cat.png` } },
          { type: "file", file: { filename: "report.pdf", file_data: pdfUrl("Seven") } },
        ],
      },
    ];
    const first = await stage.client.chat.completions.create({ model, messages });
    expect(await lastFiles()).toEqual(["image image-1.png", "image cat.png", "file report.pdf"]);
    expect((await stored()).sort()).toEqual([pngOf("a"), pngOf("served"), pdfOf("Seven")].map(sha256).sort());

    const said = first.choices[0]?.message.content ?? "";
    messages.push({ role: "assistant", content: said }, { role: "user", content: "And now?" });
    const stream = stage.client.chat.completions.stream({ model, messages });
    expect((await stream.finalChatCompletion()).choices[0]?.finish_reason).toBe("stop");
    expect(await chains()).toBe(true);
    expect(await lastFiles()).toEqual([]);
    expect(await stored()).toHaveLength(3);
  });

  test("Anthropic's messages with a picture and a PDF, also as the result of a tool, in two turns", async () => {
    const block = (data: Buffer, media_type: "image/png") =>
      ({ type: "image", source: { type: "base64", media_type, data: data.toString("base64") } }) as const;
    const document = {
      type: "document",
      title: "Report",
      source: { type: "base64", media_type: "application/pdf", data: pdfOf("Seven").toString("base64") },
    } as const;
    const tools: Anthropic.Tool[] = [{ name: "look", input_schema: { type: "object" } }];
    const messages: Anthropic.MessageParam[] = [
      { role: "user", content: [block(pngOf("b"), "image/png"), document, { type: "text", text: "Call look" }] },
    ];
    const body = { model: "claude-opus-5", max_tokens: 1000, tools };
    const first = await claude()
      .messages.stream({ ...body, messages })
      .finalMessage();
    expect(await lastFiles()).toEqual(["image image-1.png", "file Report.pdf"]);
    const call = first.content.find((part) => part.type === "tool_use");
    expect(call?.name).toBe("look");

    messages.push(
      { role: "assistant", content: first.content },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: call?.id ?? "", content: [block(pngOf("c"), "image/png")] }],
      },
    );
    await claude().messages.create({ ...body, messages });
    expect(await chains()).toBe(true);
    expect(await lastFiles()).toEqual(["image image-1.png"]);
    expect(await stored()).toContain(sha256(pngOf("c")));
  });

  test("responses with input_image and input_file, by data and by id, in two turns", async () => {
    const file = await stage.client.files.create({ file: await toFile(pngOf("d"), "dog.png"), purpose: "vision" });
    const first = await stage.client.responses.create({
      model,
      input: [
        {
          role: "user",
          content: [
            { type: "input_text", text: "Compare" },
            { type: "input_image", image_url: pngUrl("e"), detail: "auto" },
            { type: "input_image", file_id: file.id, detail: "auto" },
            { type: "input_file", filename: "a.pdf", file_data: pdfUrl("Seven") },
            { type: "input_file", file_url: `${pictures.origin}/b.pdf` },
          ],
        },
      ],
    });
    expect(await lastFiles()).toEqual(["image image-1.png", "image image-2.png", "file a.pdf"]);
    expect(await stored()).toContain(sha256(pngOf("d")));

    await stage.client.responses.create({ model, input: "And now?", previous_response_id: first.id });
    expect(await chains()).toBe(true);
    await stage.client.files.delete(file.id);
  });

  test("what cannot be used is refused by its field, before Qwen hears of it", async () => {
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ["http://169.254.169.254/latest/meta-data", 400, /not a public one/],
      ["http://localhost:1/a.png", 400, /not a public one/],
      [`${pictures.origin}/slow.png`, 400, /within 200 ms/],
      [pngUrl("x".repeat(30_000)), 413, /20000 bytes/],
      [pdfUrl("no picture"), 400, /not a picture/],
    ];
    for (const [url, status, reason] of cases) {
      const content: OpenAI.ChatCompletionContentPart[] = [
        { type: "text", text: "See" },
        { type: "image_url", image_url: { url } },
      ];
      const messages = [{ role: "user" as const, content }];
      const error = await refusalOf(stage.client.chat.completions.create({ model, messages }));
      expect([error.status, error.param]).toEqual([status, "messages[0].content[1].image_url.url"]);
      expect(error.message).toMatch(reason);
    }
    expect(await stage.emulator.requests("completions")).toEqual([]);
    expect(await stage.emulator.requests("files")).toEqual([]);
  });

  test("an upload that the storage refuses is Qwen's fault, and the next one works", async () => {
    const refuse = { name: "http-status", status: 403 } as const;
    await stage.emulator.script({ on: "files", match: "_image-1.png", refuse });
    const content: OpenAI.ChatCompletionContentPart[] = [{ type: "image_url", image_url: { url: pngUrl("f") } }];
    const ask = () => stage.client.chat.completions.create({ model, messages: [{ role: "user", content }] });
    const error = await refusalOf(ask());
    expect(error.status).toBe(502);
    expect(error.message).toContain("upload");

    await ask();
    expect(await lastFiles()).toEqual(["image image-1.png"]);
  });

  test("files of OpenAI's client survive a crash", async () => {
    const made = await stage.client.files.create({ file: await toFile(pdfOf("Seven"), "a.pdf"), purpose: "user_data" });
    await stage.crashAndRestart();

    expect(await stage.client.files.retrieve(made.id)).toEqual(made);
    const content = await stage.client.files.content(made.id);
    expect(sha256(await content.bytes())).toBe(sha256(pdfOf("Seven")));
    const listed = await Array.fromAsync(stage.client.files.list({ purpose: "user_data" }));
    expect(listed.map(({ id }) => id)).toContain(made.id);
    expect(await stage.client.files.delete(made.id)).toMatchObject({ id: made.id, deleted: true });
    expect((await refusalOf(stage.client.files.retrieve(made.id))).status).toBe(404);
  });

  test("files of Anthropic's client are named in its messages", async () => {
    const { files } = claude().beta;
    const made = await files.upload({ file: await toAnthropicFile(pngOf("g"), "cat.png") });
    expect(made).toMatchObject({ type: "file", mime_type: "image/png", filename: "cat.png" });
    await claude().beta.messages.create({
      model: "claude-opus-5",
      max_tokens: 100,
      betas: ["files-api-2025-04-14"],
      messages: [{ role: "user", content: [{ type: "image", source: { type: "file", file_id: made.id } }] }],
    });
    expect(await stored()).toEqual([sha256(pngOf("g"))]);
    expect((await Array.fromAsync(files.list())).map(({ id }) => id)).toContain(made.id);
    expect((await files.retrieveMetadata(made.id)).size_bytes).toBe(pngOf("g").length);
    expect((await files.delete(made.id)).type).toBe("file_deleted");
  });

  test("conversations are filled by responses, survive a crash, and are changed and deleted", async () => {
    const { conversations, responses } = stage.client;
    const { id } = await conversations.create({
      metadata: { topic: "names" },
      items: [{ type: "message", role: "user", content: "My name is Ada." }],
    });
    const first = await responses.create({ model, conversation: id, input: "Count to 3" });
    expect(first.conversation).toEqual({ id });
    await stage.crashAndRestart();

    const { conversations: later } = stage.client;
    const stream = stage.client.responses.stream({ model, conversation: { id }, input: "What is my name?" });
    expect((await stream.finalResponse()).output_text).toContain("Ada");
    expect(await chains()).toBe(true);
    const items = await Array.fromAsync(later.items.list(id, { order: "asc", limit: 2 }));
    const roles = items.map((item) => (item.type === "message" ? item.role : item.type));
    expect(roles).toEqual(["user", "user", "assistant", "user", "assistant"]);
    expect(await later.retrieve(id)).toMatchObject({ object: "conversation", metadata: { topic: "names" } });
    expect(await later.update(id, { metadata: { topic: "cats" } })).toMatchObject({ metadata: { topic: "cats" } });
    const added = await later.items.create(id, { items: [{ type: "message", role: "user", content: "More" }] });
    const [more] = added.data;
    expect(await later.items.retrieve(more?.id ?? "", { conversation_id: id })).toMatchObject({ role: "user" });
    expect(await later.items.delete(more?.id ?? "", { conversation_id: id })).toMatchObject({ id });
    expect(await later.delete(id)).toMatchObject({ id, deleted: true });
    expect((await refusalOf(stage.client.responses.create({ model, conversation: id, input: "Hi" }))).status).toBe(404);
  });

  test("pages that were searched come as each client reads them", async () => {
    const sources = [{ url: "https://a.example/", title: "Page A", snippet: "About A" }];
    const reply = { text: "It rains [[1]].", sources };
    await stage.emulator.script({ reply }, { reply });
    const message = await claude()
      .messages.stream({
        model: "claude-opus-5",
        max_tokens: 100,
        tools: [{ type: "web_search_20250305", name: "web_search" }],
        messages: [{ role: "user", content: "Weather?" }],
      })
      .finalMessage();
    expect(message.content).toMatchObject([
      { type: "text", citations: [{ type: "web_search_result_location", url: "https://a.example/", title: "Page A" }] },
    ]);
    const stream = stage.client.responses.stream({ model, input: "Weather?", tools: [{ type: "web_search" }] });
    const [item] = (await stream.finalResponse()).output;
    expect(item).toMatchObject({
      content: [{ annotations: [{ type: "url_citation", url: "https://a.example/", start_index: 9, end_index: 14 }] }],
    });
  });
});

describe("over a server of chat completions", () => {
  let stage: ClientStage;
  beforeAll(async () => {
    stage = await startClientStage("dashscope");
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  function sent(): unknown {
    const [completion] = stage.completions().slice(-1);
    // The gateway writes an object; anything else fails the assertion that reads it.
    const body = (completion?.body ?? { messages: [] }) as { messages: { content: unknown }[] };
    return body.messages.at(-1)?.content;
  }

  test("pictures pass as they stand, documents as their text", async () => {
    const openai = new OpenAI({ baseURL: stage.baseUrl, apiKey: "none", maxRetries: 0 });
    await openai.chat.completions.create({
      model: stage.model,
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "See" },
            { type: "image_url", image_url: { url: pngUrl() } },
          ],
        },
      ],
    });
    expect(sent()).toEqual([
      { type: "text", text: "See" },
      { type: "image_url", image_url: { url: pngUrl() } },
    ]);
    const file = await openai.files.create({ file: await toFile(pdfOf("Profit is 7"), "r.pdf"), purpose: "user_data" });
    await openai.responses.create({
      model: stage.model,
      input: [
        {
          role: "user",
          content: [
            { type: "input_text", text: "Sum up" },
            { type: "input_file", file_id: file.id },
            { type: "input_image", image_url: pngUrl(), detail: "auto" },
          ],
        },
      ],
    });
    expect(sent()).toEqual([
      { type: "text", text: "Sum up" },
      { type: "text", text: "r.pdf:\nProfit is 7" },
      { type: "image_url", image_url: { url: pngUrl() } },
    ]);
    const claude = new Anthropic({ baseURL: stage.baseUrl.replace(/\/v1$/, ""), apiKey: "none", maxRetries: 0 });
    await claude.messages.create({
      model: stage.model,
      max_tokens: 100,
      messages: [
        {
          role: "user",
          content: [
            {
              type: "document",
              source: { type: "base64", media_type: "application/pdf", data: pdfUrl("Two").split(",")[1] ?? "" },
            },
            { type: "image", source: { type: "base64", media_type: "image/png", data: pngUrl().split(",")[1] ?? "" } },
          ],
        },
      ],
    });
    expect(sent()).toEqual([
      { type: "text", text: "Two" },
      { type: "image_url", image_url: { url: pngUrl() } },
    ]);
  });
});
