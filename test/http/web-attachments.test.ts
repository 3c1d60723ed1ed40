// Pictures, documents and other files of messages on the web backend: uploaded once, attached to the right message, named
// where the history is told anew, and refused by the field in which they stand.

import { expect, test } from "bun:test";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { pdfUrl, pngOf, pngUrl } from "../support/sample-files.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  assistant,
  callsOf,
  lastTurn,
  readCompletion,
  readError,
  user,
} from "./client.ts";
import { answered, messageTool, resultOf, says, send } from "./message-client.ts";
import { respond } from "./responses-client.ts";

const picture = (url: string) => ({ type: "image_url", image_url: { url } });
const text = (words: string) => ({ type: "text", text: words });
const shows = (...content: object[]) => ({ role: "user", content });

const start = (environment: Record<string, string> = {}): Promise<Harness> => startHarness({ environment });

function puts(harness: Harness): number {
  return callsOf(harness, "files").filter(({ method }) => method === "PUT").length;
}

function filesOf(harness: Harness) {
  return lastTurn(harness).body.messages[0].files;
}

test("a picture goes up signed and is attached to its message, whose text stays as it is", async () => {
  await using harness = await start();

  const answer = await answerTo(harness, [shows(text("What is this?"), picture(pngUrl()))]);

  expect(lastTurn(harness).content).toBe("What is this?");
  const bytes = pngOf("").length;
  expect(filesOf(harness)).toMatchObject([
    {
      type: "image",
      name: "image-1.png",
      size: bytes,
      file_type: "image/png",
      showType: "image",
      file_class: "vision",
      status: "uploaded",
      greenNet: "greening",
      url: expect.stringContaining("x-oss-expires"),
      file: { filename: "image-1.png", meta: { size: bytes, content_type: "image/png" } },
    },
  ]);
  const [announced, put] = callsOf(harness, "files");
  expect(announced?.body).toEqual({ filename: "image-1.png", filesize: bytes, filetype: "image" });
  expect(put?.status).toBe(200);
  expect(callsOf(harness, "files")).toHaveLength(2);
  const sha256 = new Bun.CryptoHasher("sha256").update(pngOf("")).digest("hex");
  expect(harness.emulator.files()).toMatchObject([
    { kind: "image", stored: { bytes, sha256, contentType: "image/png" } },
  ]);
  expect(answer).toContain(`image-1.png (image/png, ${bytes} bytes)`);
});

test("a film goes up as large as MAX_FILE_BYTES says, a picture as large as Qwen takes it", async () => {
  await using harness = await start({ MAX_FILE_BYTES: "30000000", RETRY_MAX_ATTEMPTS: "1" });
  const rest = Buffer.alloc(20 * 1024 * 1024);
  const film = Buffer.concat([Buffer.from("\0\0\0\x18ftypisom\0\0\0\0isommp42"), rest]);
  const large = Buffer.concat([pngOf(""), rest]);
  const url = `data:video/mp4;base64,${film.toString("base64")}`;

  const answer = await answerTo(harness, [shows(text("What is this?"), { type: "video_url", video_url: { url } })]);
  const refused = await harness.post("/v1/chat/completions", {
    messages: [shows(text("What is this?"), picture(`data:image/png;base64,${large.toString("base64")}`))],
  });

  expect(answer).toContain(`(video/mp4, ${film.length} bytes)`);
  expect(harness.emulator.files()).toMatchObject([{ kind: "video", stored: { bytes: film.length } }]);
  expect((await readError(refused)).error.message).toContain("20971520 bytes");
});

test("a storage that has no address is the upstream's fault", async () => {
  await using harness = await start({ QWEN_UPLOAD_URL: "", RETRY_MAX_ATTEMPTS: "1" });

  const response = await harness.post("/v1/chat/completions", {
    messages: [shows(text("What is this?"), picture(pngUrl()))],
  });

  expect(response.status).toBe(502);
  expect(JSON.stringify(await response.json())).toContain("no address that can be asked");
});

test("the next turn continues the chat and uploads nothing, though the client sends the picture again", async () => {
  await using harness = await start();
  const first = shows(text("What is this?"), picture(pngUrl()));
  const answer = await answerTo(harness, [first]);
  const { chatId, responseId } = lastTurn(harness);

  await answerTo(harness, [first, assistant(answer), user("And its colour?")]);

  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "And its colour?" });
  expect(filesOf(harness)).toEqual([]);
  expect(puts(harness)).toBe(1);
});

test("another picture in the same words is another conversation", async () => {
  await using harness = await start();
  const first = shows(text("What is this?"), picture(pngUrl()));
  const answer = await answerTo(harness, [first]);
  const { chatId } = lastTurn(harness);

  const other = shows(text("What is this?"), picture(pngUrl("other")));
  await answerTo(harness, [other, assistant(answer), user("And its colour?")]);

  expect(lastTurn(harness).chatId).not.toBe(chatId);
  expect(filesOf(harness)).toHaveLength(1);
});

test("a new picture of a later turn is the only one that goes up", async () => {
  await using harness = await start();
  const first = shows(text("What is this?"), picture(pngUrl()));
  const answer = await answerTo(harness, [first]);

  await answerTo(harness, [first, assistant(answer), shows(text("And this?"), picture(pngUrl("second")))]);

  expect(lastTurn(harness).content).toBe("And this?");
  expect(filesOf(harness)).toHaveLength(1);
  expect(puts(harness)).toBe(2);
});

test("a new chat that is told the whole history gets its pictures, each named where it stood", async () => {
  await using harness = await start();

  await answerTo(harness, [
    shows(text("This is Rex."), picture(pngUrl("rex"))),
    assistant("Noted."),
    shows(text("This is Tom."), picture(pngUrl("tom"))),
    assistant("Noted."),
    shows(text("Who is this?"), picture(pngUrl("rex"))),
  ]);

  const { content } = lastTurn(harness);
  expect(content).toContain("User: This is Rex.\n(Attached here: image-1.png)");
  expect(content).toContain("User: This is Tom.\n(Attached here: image-2.png)");
  expect(content).toEndWith("# Message\nWho is this?\n(Attached here: image-1.png)");
  expect(filesOf(harness).map(({ name }) => name)).toEqual(["image-1.png", "image-2.png"]);
  // The same picture twice is one file.
  expect(puts(harness)).toBe(2);
});

test("a chat that is gone is replaced by one with the history and its pictures, which were uploaded before", async () => {
  await using harness = await start();
  const first = shows(text("What is this?"), picture(pngUrl()));
  const answer = await answerTo(harness, [first]);
  harness.emulator.script({ on: "completions", refuse: "chat-not-exist" });

  await answerTo(harness, [first, assistant(answer), user("And its colour?")]);

  expect(filesOf(harness)).toHaveLength(1);
  expect(lastTurn(harness).content).toContain("(Attached here: image-1.png)");
  expect(puts(harness)).toBe(1);
});

test("the same picture in two conversations at once goes up once, and in each with an item of its own", async () => {
  await using harness = await start();

  await Promise.all(["One", "Two", "Three"].map((words) => answerTo(harness, [shows(text(words), picture(pngUrl()))])));

  expect(puts(harness)).toBe(1);
  const turns = acceptedTurns(harness);
  expect(turns.map(({ body }) => body.messages[0].files.length)).toEqual([1, 1, 1]);
});

test("a document is read by Qwen before the message names it", async () => {
  await using harness = await start();

  await answerTo(harness, [
    shows(text("Sum it up"), { type: "file", file: { filename: "report.pdf", file_data: pdfUrl("Profit is 7") } }),
  ]);

  const calls = callsOf(harness, "files").map(({ method, path }) => `${method} ${path.split(/[/_]/).at(-1)}`);
  expect(calls).toEqual(["POST getstsToken", "PUT report.pdf", "POST parse", "POST status"]);
  expect(filesOf(harness)).toMatchObject([
    { type: "file", name: "report.pdf", file_type: "application/pdf", file_class: "document", showType: "file" },
  ]);
});

test("Anthropic's pictures, documents and those of tool results are attached, and two turns chain", async () => {
  await using harness = await start();
  const source = (bytes: Buffer, media: string) => ({
    type: "base64",
    media_type: media,
    data: bytes.toString("base64"),
  });
  const content = [
    { type: "image", source: source(pngOf("a"), "image/png") },
    {
      type: "document",
      title: "Report",
      source: { ...source(Buffer.from("x"), "application/pdf"), data: pdfUrl("Hi").split(",")[1] },
    },
    { type: "text", text: "Compare them" },
  ];
  const tools = [messageTool("look")];
  harness.emulator.script({ reply: { calls: [{ name: "look", arguments: {} }] } });
  const first = await send(harness, [says(content)], { tools });
  expect(filesOf(harness).map(({ name }) => name)).toEqual(["image-1.png", "Report.pdf"]);
  const { chatId, responseId } = lastTurn(harness);
  const call = first.content.find(({ type }) => type === "tool_use");
  const shown = resultOf(call, [
    { type: "text", text: "This is what I saw:" },
    { type: "image", source: source(pngOf("b"), "image/png") },
  ]);

  await send(harness, [says(content), answered(first), says([shown])], { tools });

  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId });
  expect(lastTurn(harness).content).toContain("This is what I saw:\n(Attached here: image-1.png)");
  expect(filesOf(harness)).toMatchObject([{ type: "image", size: pngOf("b").length }]);
});

test("pictures and files of a response are attached, and the next response chains", async () => {
  await using harness = await start();
  const first = await respond(harness, {
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: "Compare" },
          { type: "input_image", image_url: pngUrl(), detail: "auto" },
          { type: "input_file", filename: "notes.md", file_data: `data:text/markdown;base64,${btoa("# Notes")}` },
        ],
      },
    ],
  });
  expect(filesOf(harness)).toMatchObject([
    { name: "image-1.png", type: "image" },
    { name: "notes.md", type: "file", file_type: "text/markdown" },
  ]);
  const { chatId, responseId } = lastTurn(harness);

  await respond(harness, { input: "And now?", previous_response_id: first.id });

  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "And now?" });
  expect(puts(harness)).toBe(2);
});

test("sound is attached as sound", async () => {
  await using harness = await start();
  const wav = Buffer.concat([Buffer.from("RIFF\0\0\0\0WAVEfmt "), Buffer.alloc(32)]);

  await answerTo(harness, [
    shows(text("What do you hear?"), {
      type: "input_audio",
      input_audio: { data: wav.toString("base64"), format: "wav" },
    }),
  ]);

  expect(filesOf(harness)).toMatchObject([{ type: "audio", file_class: "audio", file_type: "audio/wav" }]);
});

/** A server of pictures; it counts what it is asked. */
function servePictures() {
  let asked = 0;
  const hanging = Promise.withResolvers<Response>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }) {
      asked++;
      const { pathname } = new URL(url);
      if (pathname === "/slow.png") return hanging.promise;
      if (pathname === "/away") return Response.redirect("http://169.254.169.254/latest/meta-data");
      if (pathname === "/missing.png") return new Response("no", { status: 404 });
      if (pathname === "/large.png") return new Response(pngOf("x".repeat(5000)));
      return new Response(pngOf("served"));
    },
  });
  return {
    origin: server.url.origin,
    get asked() {
      return asked;
    },
    async [Symbol.asyncDispose]() {
      hanging.resolve(new Response("late"));
      await server.stop(true);
    },
  };
}

test("a picture by address is fetched from servers that are allowed, and goes up under its own name", async () => {
  await using pictures = servePictures();
  await using harness = await start({ FILE_FETCH_ORIGINS: pictures.origin });
  const first = shows(text("What is this?"), picture(`${pictures.origin}/cat%20one.png?size=1`));
  const answer = await answerTo(harness, [first]);
  expect(filesOf(harness)).toMatchObject([{ name: "cat one.png", size: pngOf("served").length }]);

  await answerTo(harness, [first, assistant(answer), user("And its colour?")]);

  expect(lastTurn(harness).parentId).not.toBeNull();
  expect(pictures.asked).toBe(1);
});

test("what cannot be attached is refused by its field, before a chat is begun", async () => {
  await using pictures = servePictures();
  await using harness = await start({
    FILE_FETCH_ORIGINS: pictures.origin,
    FILE_FETCH_TIMEOUT_MS: "50",
    MAX_FILE_BYTES: "4000",
  });
  const other = pictures.origin.replace("127.0.0.1", "localhost");
  const cases: readonly (readonly [object, number, string, string])[] = [
    [picture(`${other}/a.png`), 400, "image_url.url", "not a public one"],
    [picture("http://10.0.0.1/a.png"), 400, "image_url.url", "not a public one"],
    [picture("http://[::1]/a.png"), 400, "image_url.url", "not a public one"],
    [picture("http://2130706433/a.png"), 400, "image_url.url", "not a public one"],
    [picture(`${pictures.origin}/away`), 400, "image_url.url", "not a public one"],
    [picture(`${pictures.origin}/slow.png`), 400, "image_url.url", "within 50 ms"],
    [picture(`${pictures.origin}/missing.png`), 400, "image_url.url", "answered 404"],
    [picture(`${pictures.origin}/large.png`), 413, "image_url.url", "4000 bytes"],
    [picture(pngUrl("x".repeat(5000))), 413, "image_url.url", "4000 bytes"],
    [picture(pdfUrl("Hi")), 400, "image_url.url", "not a picture"],
    [picture("data:image/png;base64,####"), 400, "image_url.url", "no valid data"],
    [picture("file:///etc/passwd"), 400, "image_url.url", "http, https or data"],
    [picture(""), 400, "image_url.url", "http, https or data"],
    [
      { type: "file", file: { filename: "a.exe", file_data: `data:application/pdf;base64,${btoa("MZ\0\0")}` } },
      400,
      "file.file_data",
      "not a PDF",
    ],
    [
      { type: "input_audio", input_audio: { data: pngOf("").toString("base64"), format: "wav" } },
      400,
      "input_audio",
      "neither a sound",
    ],
  ];
  for (const [part, status, field, reason] of cases) {
    const response = await harness.chat({
      model: "qwen3-max",
      messages: [user("Hi"), assistant("Yes"), shows(text("See"), part)],
    });
    const { error, ...answer } = await readError(response);
    expect([answer.status, error.param, error.message]).toEqual([
      status,
      `messages[2].content[1].${field}`,
      expect.stringContaining(reason),
    ]);
  }
  expect(allTurns(harness)).toEqual([]);
  expect(callsOf(harness, "chats/new")).toEqual([]);
  expect(callsOf(harness, "files")).toEqual([]);
});

test("more files than Qwen takes with one message are refused; of a history the newest go up", async () => {
  await using harness = await start();
  const six = Array.from({ length: 6 }, (_, index) => picture(pngUrl(String(index))));
  const { error, status } = await readError(
    await harness.chat({ model: "qwen3-max", messages: [shows(text("All"), ...six)] }),
  );
  expect([status, error.param]).toEqual([400, "messages[0].content[1].image_url.url"]);

  const history = six.flatMap((part, index) => [shows(text(`Number ${index}`), part), assistant("Seen.")]);
  await answerTo(harness, [...history, user("Which was the first?")]);

  const { content } = lastTurn(harness);
  expect(filesOf(harness)).toHaveLength(5);
  expect(content).toContain("Number 0\n(A picture stood here. It is not attached any more.)");
  expect(content).toContain("Number 5\n(Attached here: image-5.png)");
});

test("an earlier picture that can no longer be had does not end the conversation", async () => {
  await using pictures = servePictures();
  await using harness = await start({ FILE_FETCH_ORIGINS: pictures.origin });

  await answerTo(harness, [
    shows(text("Look"), picture(`${pictures.origin}/missing.png`)),
    assistant("I see."),
    user("Go on"),
  ]);

  expect(lastTurn(harness).content).toContain("User: Look\n(A picture stood here. It is not attached any more.)");
  expect(filesOf(harness)).toEqual([]);
});

test("an upload that is refused is told as Qwen's fault, and one that fails for a moment is repeated", async () => {
  await using harness = await start();
  const messages = [shows(text("What is this?"), picture(pngUrl()))];
  harness.emulator.script({ on: "files", match: "_image-1.png", refuse: { name: "http-status", status: 503 } });
  await answerTo(harness, messages);
  expect(filesOf(harness)).toHaveLength(1);
  expect(puts(harness)).toBe(2);

  harness.emulator.script({ on: "files", match: "getstsToken", refuse: "invalid-file" });
  const { error, status } = await readError(
    await harness.chat({ model: "qwen3-max", messages: [shows(text("And this?"), picture(pngUrl("new")))] }),
  );
  expect([status, error.param]).toEqual([400, "messages[0].content[1].image_url.url"]);
});

test("an upload that fails each time is tried RETRY_MAX_ATTEMPTS times in all", async () => {
  await using harness = await start();
  harness.emulator.script({
    on: "files",
    match: "_image-1.png",
    times: "always",
    refuse: { name: "http-status", status: 503 },
  });
  const messages = [shows(text("What is this?"), picture(pngUrl()))];
  const { error, status } = await readError(await harness.chat({ model: "qwen3-max", messages }));
  expect([status, error.message]).toEqual([502, "Cannot upload a file to Qwen: the storage answered 503"]);
  expect(puts(harness)).toBe(3);
});

test("a file that Qwen has forgotten goes up anew, once", async () => {
  await using harness = await start();
  const messages = [shows(text("What is this?"), picture(pngUrl()))];
  await answerTo(harness, messages);
  const invalid: ScriptEntry = {
    reply: { faults: [{ kind: "error", code: "invalid_input", details: "Invalid attachment" }] },
  };
  harness.emulator.script(invalid);

  await answerTo(harness, [shows(text("Tell me more"), picture(pngUrl()))]);

  expect(puts(harness)).toBe(2);
  harness.emulator.script(invalid, invalid);
  const refused = await readError(
    await harness.chat({ model: "qwen3-max", messages: [shows(text("Again"), picture(pngUrl("third")))] }),
  );
  expect([refused.status, refused.error.param]).toEqual([400, "messages[0].content[1].image_url.url"]);
});

test("without uploads a picture is refused by its field", async () => {
  await using harness = await start({ QWEN_UPLOAD: "false" });
  const { error, status } = await readError(
    await harness.chat({ model: "qwen3-max", messages: [shows(text("Hi"), picture(pngUrl()))] }),
  );
  expect([status, error.param]).toEqual([400, "messages[0].content[1].image_url.url"]);
});

test("a picture beside a message that is too long for text goes up beside the text", async () => {
  await using harness = await start({ QWEN_MAX_MESSAGE_CHARS: "1000" });
  const long = `My name is Ada. ${"Bla ".repeat(500)}`;
  const answer = await readCompletion(
    await harness.chat({
      model: "qwen3-max",
      messages: [shows(text(long), picture(pngUrl())), assistant("Ok"), user("What is my name?")],
    }),
  );
  expect(answer.choices[0]?.message.content).toContain("Ada");
  expect(filesOf(harness).map(({ name }) => name)).toEqual(["image-1.png", "conversation.txt"]);
});
