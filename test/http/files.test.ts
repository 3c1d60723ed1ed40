// Files that clients upload once: kept for their caller, in the forms of both protocols, and named in messages.

import { expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import { startDialectStage } from "../support/dialect-stage.ts";
import { pdfOf, pngOf, pngUrl } from "../support/sample-files.ts";
import { acceptedTurns, allTurns, assistant, bodyOf, lastTurn, readError, user } from "./client.ts";
import { says, send } from "./message-client.ts";
import { respond } from "./responses-client.ts";

interface Told {
  readonly id: string;
  readonly [field: string]: unknown;
}

function formOf(
  content: Uint8Array,
  name: string,
  fields: Readonly<Record<string, string>> = { purpose: "user_data" },
) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  form.append("file", new File([content], name));
  return form;
}

async function upload(
  { url }: Pick<Harness, "url">,
  content: Uint8Array,
  name: string,
  options: { fields?: Readonly<Record<string, string>>; headers?: Record<string, string> } = {},
) {
  const response = await fetch(`${url}/v1/files`, {
    method: "POST",
    body: formOf(content, name, options.fields),
    headers: options.headers ?? {},
  });
  return { status: response.status, body: (await response.json()) as Told };
}

async function ask({ url }: Pick<Harness, "url">, method: string, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/v1/files${path}`, { method, headers });
  return { status: response.status, body: (await response.json()) as Told & { data: Told[] } };
}

test("pages of the list: before and behind a file, whatever the order, and what cannot be one is refused by name", async () => {
  await using harness = await startHarness();
  const ids: string[] = [];
  for (const name of ["a", "b", "c", "d"]) ids.push((await upload(harness, pngOf(name), name)).body.id);
  const [a, b, c, d] = ids;
  const page = async (query: string) => {
    const { body } = await ask(harness, "GET", `?${query}`);
    return [(body["data"] as Told[]).map(({ id }) => id), body["has_more"]];
  };

  // Newest first; before_id gives what stands directly before, still in the list's order.
  expect(await page(`after_id=${c}&limit=1`)).toEqual([[b], true]);
  expect(await page(`before_id=${a}&limit=2`)).toEqual([[c, b], true]);
  expect(await page(`before=${b}`)).toEqual([[d, c], false]);
  expect(await page(`order=asc&before=${c}&limit=1`)).toEqual([[b], true]);

  const refused: [query: string, param: string][] = [
    ["after=file-nowhere", "after"],
    ["after_id=file-nowhere", "after_id"],
    ["before_id=file-nowhere", "before_id"],
    [`after_id=${a}&before_id=${b}`, "before_id"],
    ["order=newest", "order"],
    ["limit=0", "limit"],
  ];
  for (const [query, param] of refused) {
    const { status, body } = await ask(harness, "GET", `?${query}`);
    expect([query, status, (body["error"] as { param?: string }).param]).toEqual([query, 400, param]);
  }
});

test("a file is taken, listed, looked at, read and deleted", async () => {
  await using harness = await startHarness();
  const made = await upload(harness, pngOf("a"), "photo ä.png", { fields: { purpose: "vision" } });
  expect(made).toEqual({
    status: 200,
    body: {
      id: expect.stringMatching(/^file-[0-9a-f]{32}$/),
      object: "file",
      bytes: pngOf("a").length,
      created_at: expect.any(Number),
      expires_at: expect.any(Number),
      filename: "photo ä.png",
      purpose: "vision",
      status: "processed",
      status_details: null,
    },
  });
  const { id } = made.body;
  const second = await upload(harness, pdfOf("Two"), "b.pdf");
  expect((await ask(harness, "GET", `/${id}`)).body).toMatchObject(made.body);
  expect((await ask(harness, "GET", "")).body).toMatchObject({
    object: "list",
    data: [second.body, made.body],
    first_id: second.body.id,
    last_id: id,
    has_more: false,
  });
  expect((await ask(harness, "GET", "?order=asc&limit=1")).body).toMatchObject({ data: [made.body], has_more: true });
  expect((await ask(harness, "GET", `?order=asc&after=${id}`)).body).toMatchObject({ data: [second.body] });
  expect((await ask(harness, "GET", `?before_id=${id}`)).body).toMatchObject({ data: [second.body], has_more: false });
  expect((await ask(harness, "GET", "?purpose=vision")).body.data).toMatchObject([{ id }]);
  await harness.restart();
  const content = await harness.get(`/v1/files/${id}/content`);
  expect(Buffer.from(await content.arrayBuffer()).equals(pngOf("a"))).toBe(true);
  expect(Object.fromEntries(content.headers)).toMatchObject({
    "content-type": "image/png",
    "content-disposition": "attachment; filename*=UTF-8''photo%20%C3%A4.png",
    "x-content-type-options": "nosniff",
  });
  expect((await ask(harness, "DELETE", `/${id}`)).body).toMatchObject({ id, object: "file", deleted: true });
  for (const path of [`/${id}`, `/${id}/content`]) expect((await ask(harness, "GET", path)).status).toBe(404);
  expect((await ask(harness, "DELETE", `/${id}`)).status).toBe(404);
});

test("Anthropic's clients are answered in their form", async () => {
  await using harness = await startHarness();
  const headers = { "anthropic-version": "2023-06-01", "anthropic-beta": "files-api-2025-04-14" };
  const made = await upload(harness, pdfOf("Hi"), "a.pdf", { fields: {}, headers });
  expect(made.body).toEqual({
    id: expect.stringMatching(/^file-/),
    type: "file",
    filename: "a.pdf",
    mime_type: "application/pdf",
    size_bytes: pdfOf("Hi").length,
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    downloadable: true,
  });
  const { id } = made.body;
  expect((await ask(harness, "GET", `/${id}?beta=true`, headers)).body).toMatchObject(made.body);
  expect((await ask(harness, "GET", "?beta=true", headers)).body).toMatchObject({ data: [made.body], has_more: false });
  expect((await ask(harness, "DELETE", `/${id}`, headers)).body as unknown).toEqual({ id, type: "file_deleted" });
});

test("a file belongs to its caller alone", async () => {
  await using harness = await startHarness({ environment: { API_KEY: "key-ann,key-bob" } });
  const ann = { authorization: "Bearer key-ann" };
  const bob = { authorization: "Bearer key-bob" };
  const { body } = await upload(harness, pngOf("secret"), "a.png", { headers: ann });
  for (const path of [`/${body.id}`, `/${body.id}/content`]) {
    expect((await ask(harness, "GET", path, bob)).status).toBe(404);
  }
  expect((await ask(harness, "DELETE", `/${body.id}`, bob)).status).toBe(404);
  expect((await ask(harness, "GET", "", bob)).body.data).toEqual([]);
  const input = [{ role: "user", content: [{ type: "input_image", file_id: body.id }] }];
  const refused = await readError(await harness.post("/v1/responses", { input }, { headers: bob }));
  expect([refused.status, refused.error.param]).toEqual([400, "input[0].content[0].file_id"]);
  expect((await ask(harness, "GET", `/${body.id}`, ann)).status).toBe(200);
});

test("limits hold, and what is wrong is named", async () => {
  let nowMs = Date.now();
  await using harness = await startHarness({
    environment: { MAX_FILE_BYTES: "1000", FILES_MAX_BYTES: "1500", FILES_KEEP_MS: "7200000" },
    clock: () => nowMs,
  });
  const paramOf = async (form: FormData | string, headers = {}) => {
    const response = await fetch(`${harness.url}/v1/files`, { method: "POST", body: form, headers });
    const { status, error } = await readError(response);
    return [status, error.param];
  };
  const small = Buffer.alloc(900, "a");
  expect(await paramOf(formOf(Buffer.alloc(1001, "a"), "a.txt"))).toEqual([413, "file"]);
  expect(await paramOf(formOf(Buffer.alloc(0), "a.txt"))).toEqual([400, "file"]);
  expect(await paramOf(formOf(small, "a.txt", {}))).toEqual([400, "purpose"]);
  expect(await paramOf(formOf(small, "a.txt", { purpose: "A word" }))).toEqual([400, "purpose"]);
  const expiry = { purpose: "vision", "expires_after[anchor]": "created_at", "expires_after[seconds]": "60" };
  expect(await paramOf(formOf(small, "a.txt", expiry))).toEqual([400, "expires_after"]);
  const text = new FormData();
  text.append("file", "words");
  expect(await paramOf(text)).toEqual([400, "file"]);
  expect(await paramOf(new FormData())).toEqual([400, "file"]);
  expect(await paramOf("{}", { "content-type": "application/json" })).toEqual([400, "file"]);
  expect((await ask(harness, "GET", "?limit=0")).status).toBe(400);
  expect(await ask(harness, "GET", "?order=up")).toMatchObject({ status: 400, body: { error: { param: "order" } } });

  const kept = await upload(harness, small, "a.txt", { fields: { ...expiry, "expires_after[seconds]": "3600" } });
  expect(kept.status).toBe(200);
  expect(await paramOf(formOf(small, "b.txt"))).toEqual([413, "file"]);
  nowMs += 3_600_001;
  expect((await ask(harness, "GET", `/${kept.body.id}`)).status).toBe(404);
  // What has expired takes no room.
  const second = await upload(harness, small, "b.txt");
  expect(second.status).toBe(200);
  nowMs += 7_200_001;
  expect((await ask(harness, "GET", `/${second.body.id}`)).status).toBe(404);
});

test("files are named in messages of every surface, and are one conversation with what they hold", async () => {
  await using harness = await startHarness();
  const image = (await upload(harness, pngOf(""), "cat.png")).body.id;
  const document = (await upload(harness, pdfOf("Profit is 7"), "report.pdf")).body.id;

  const text = { type: "text", text: "Compare" };
  const first = { role: "user", content: [text, { type: "file", file: { file_id: document } }] };
  const answer = (await bodyOf(await harness.chat({ model: "qwen3-max", messages: [first] }))) as string;
  const said =
    (JSON.parse(answer) as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? "";
  expect(lastTurn(harness).body.messages[0].files).toMatchObject([
    { name: "report.pdf", file_type: "application/pdf" },
  ]);
  const { chatId } = lastTurn(harness);
  await bodyOf(await harness.chat({ model: "qwen3-max", messages: [first, assistant(said), user("And now?")] }));
  expect(lastTurn(harness)).toMatchObject({ chatId, content: "And now?" });

  const input = [
    {
      role: "user",
      content: [
        { type: "input_text", text: "Compare" },
        { type: "input_image", file_id: image },
        { type: "input_file", file_id: document },
      ],
    },
  ];
  const response = await respond(harness, { input });
  expect(lastTurn(harness).body.messages[0].files.map(({ name }) => name)).toEqual(["image-1.png", "report.pdf"]);
  const responseChat = lastTurn(harness).chatId;
  await respond(harness, { input: "On", previous_response_id: response.id });
  expect(lastTurn(harness).chatId).toBe(responseChat);
  const { data } = (await (await harness.get(`/v1/responses/${response.id}/input_items`)).json()) as { data: unknown };
  expect(JSON.stringify(data)).toContain(`"file_id":"${image}"`);
  expect(JSON.stringify(data)).not.toContain("base64");

  const source = { type: "file", file_id: image };
  const message = await send(harness, [
    says([
      { type: "image", source },
      { type: "text", text: "What is it?" },
    ]),
  ]);
  const inline = { type: "image", source: { type: "base64", media_type: "image/png", data: pngUrl().split(",")[1] } };
  const history = [
    says([inline, { type: "text", text: "What is it?" }]),
    { role: "assistant", content: message.content },
  ];
  const turn = lastTurn(harness);
  await send(harness, [...history, says("And now?")]);
  expect(lastTurn(harness)).toMatchObject({ chatId: turn.chatId, parentId: turn.responseId });

  expect((await ask(harness, "DELETE", `/${image}`)).status).toBe(200);
  const before = acceptedTurns(harness).length;
  const gone = await readError(await harness.post("/v1/responses", { input }));
  expect([gone.status, gone.error.param]).toEqual([400, "input[0].content[1].file_id"]);
  expect(allTurns(harness)).toHaveLength(before);
});

test("a server of OpenAI's protocol is given what a file holds", async () => {
  await using stage = await startDialectStage({ dialect: "dashscope" });
  const { id } = (await upload(stage.harness, pdfOf("Profit is 7"), "report.pdf")).body;
  const content = [
    { type: "text", text: "Sum it up" },
    { type: "file", file: { file_id: id } },
  ];
  await bodyOf(await stage.chat({ messages: [{ role: "user", content }], stream: true }));
  expect(stage.lastBody()["messages"]).toEqual([{ role: "user", content: "Sum it up\nreport.pdf:\nProfit is 7" }]);
});

test("a file of an earlier message that is deleted does not end the conversation", async () => {
  await using harness = await startHarness();
  const { body } = await upload(harness, pngOf("gone"), "gone.png");
  const shown = { type: "input_image", file_id: body.id };
  const first = await respond(harness, { input: [{ role: "user", content: [shown] }] });
  await ask(harness, "DELETE", `/${body.id}`);

  const second = await respond(harness, { input: "Say two", previous_response_id: first.id });
  expect(second.response["status"]).toBe("completed");
  expect(lastTurn(harness).content).toContain("(A picture stood here. It is not attached any more.)");
  const again = await harness.post("/v1/responses", {
    previous_response_id: second.id,
    input: [{ role: "user", content: [shown] }],
  });
  expect(await readError(again)).toMatchObject({
    status: 400,
    error: { param: "input[0].content[0].file_id" },
  });
});

test("unknown ids are refused by their field on every surface", async () => {
  await using harness = await startHarness();
  const chat = [{ role: "user", content: [{ type: "file", file: { file_id: "file-x" } }] }];
  expect((await readError(await harness.chat({ messages: chat }))).error.param).toBe(
    "messages[0].content[0].file.file_id",
  );
  const source = { type: "file", file_id: "file-x" };
  const body = { model: "m", max_tokens: 5, messages: [says([{ type: "document", source }])] };
  const refused = await harness.post("/v1/messages", body);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("messages[0].content[0].source.file_id");
  expect(allTurns(harness)).toEqual([]);
});

test("counts of tokens count files that are named, and refuse those that are not kept", async () => {
  await using harness = await startHarness();
  const text = new TextEncoder().encode("The quick brown fox jumps over the lazy dog. ".repeat(200));
  const { id } = (await upload(harness, text, "fox.txt")).body;
  const asked = (fileId: string) => {
    const document = { type: "document", source: { type: "file", file_id: fileId } };
    const file = { type: "input_file", file_id: fileId };
    return [
      ["/v1/messages/count_tokens", { messages: [{ role: "user", content: [document] }] }],
      ["/v1/responses/input_tokens", { input: [{ role: "user", content: [file] }] }],
    ] as const;
  };

  for (const [path, body] of asked(id)) {
    const { input_tokens: tokens } = (await (await harness.post(path, body)).json()) as { input_tokens: number };
    expect([path, Math.round(tokens / 100)]).toEqual([path, Math.round(text.length / 400)]);
  }
  for (const [path, body] of asked("file-unknown")) {
    const refused = await harness.post(path, body);
    expect([path, refused.status, await refused.text()]).toEqual([path, 400, expect.stringContaining("file-unknown")]);
  }
  expect(allTurns(harness)).toEqual([]);
});
