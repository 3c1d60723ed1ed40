// Pictures and documents of messages over servers of OpenAI's protocol: as they stand where the server takes them so,
// fetched and read where it does not.

import { expect, test } from "bun:test";
import { type DialectStage, startDialectStage } from "../support/dialect-stage.ts";
import { pdfOf, pdfUrl, pngOf, pngUrl } from "../support/sample-files.ts";
import { bodyOf, readError } from "./client.ts";
import { says, send } from "./message-client.ts";
import { respond } from "./responses-client.ts";

const picture = (url: string) => ({ type: "image_url", image_url: { url } });
const document = (file_data: string, filename?: string) => ({ type: "file", file: { file_data, filename } });
const question = { type: "text", text: "What is this?" };

async function ask(stage: DialectStage, ...content: object[]) {
  await bodyOf(await stage.chat({ messages: [{ role: "user", content: [question, ...content] }] }));
  return sentParts(stage);
}

function sentParts(stage: DialectStage): unknown {
  const messages = stage.lastBody()["messages"] as readonly { content: unknown }[];
  return messages.at(-1)?.content;
}

/** A server of files; it counts what it is asked. */
function serveFiles() {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }) {
      const { pathname } = new URL(url);
      asked.push(pathname);
      return new Response(pathname.endsWith(".pdf") ? pdfOf("Profit is 7") : pngOf("served"));
    },
  });
  return { origin: server.url.origin, asked, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("a server that fetches by itself gets the address as it stands, and the gateway fetches nothing", async () => {
  await using files = serveFiles();
  await using stage = await startDialectStage({
    dialect: "dashscope",
    environment: { FILE_FETCH_ORIGINS: files.origin },
  });
  expect(await ask(stage, picture(`${files.origin}/a.png`), picture(pngUrl()))).toEqual([
    question,
    picture(`${files.origin}/a.png`),
    picture(pngUrl()),
  ]);
  expect(await ask(stage, picture("http://10.0.0.1/a.png"))).toEqual([question, picture("http://10.0.0.1/a.png")]);
  expect(files.asked).toEqual([]);
});

test("a server that fetches nothing gets the picture itself, once fetched over several turns", async () => {
  await using files = serveFiles();
  await using stage = await startDialectStage({
    dialect: "ollama",
    environment: { FILE_FETCH_ORIGINS: files.origin },
  });
  const shown = { type: "image_url", image_url: { url: `${files.origin}/a.png`, detail: "low" } };
  const sent = { type: "image_url", image_url: { url: pngUrl("served"), detail: "low" } };
  expect(await ask(stage, shown)).toEqual([question, sent]);
  expect(await ask(stage, shown, picture(pngUrl()))).toEqual([question, sent, picture(pngUrl())]);
  expect(files.asked).toEqual(["/a.png"]);
});

test("such a picture is refused by its field when it may not be fetched", async () => {
  await using stage = await startDialectStage({ dialect: "ollama", environment: { FILE_FETCH: "false" } });
  const content = [question, picture("https://example.com/a.png")];
  const { status, error } = await readError(await stage.chat({ messages: [{ role: "user", content }] }));
  expect([status, error.param]).toEqual([400, "messages[0].content[1].image_url.url"]);
  expect(error.message).toContain("data: URL");
  expect(stage.completions()).toEqual([]);
});

test("documents are read where the server has no part for them", async () => {
  await using files = serveFiles();
  await using stage = await startDialectStage({
    dialect: "dashscope",
    environment: { FILE_FETCH_ORIGINS: files.origin },
  });
  const text = await ask(
    stage,
    document(pdfUrl("Loss is 3"), "report.pdf"),
    document(`data:text/x-python;base64,${btoa("print(1)")}`, "a.py"),
    document(`data:application/json,${encodeURIComponent('{"a":1}')}`, "a.json"),
  );
  expect(text).toBe('What is this?\nreport.pdf:\nLoss is 3\na.py:\nprint(1)\na.json:\n{"a":1}');

  await send(
    stage.harness,
    [
      says([
        { type: "document", title: "Report", source: { type: "url", url: `${files.origin}/report.pdf` } },
        {
          type: "document",
          source: { type: "base64", media_type: "application/pdf", data: pdfUrl("Two").split(",")[1] },
        },
        { type: "text", text: "Sum it up" },
      ]),
    ],
    { model: undefined },
  );
  expect(sentParts(stage)).toBe("Report:\nProfit is 7\nTwo\nSum it up");

  const content = [
    { type: "input_text", text: "Compare" },
    { type: "input_file", file_url: `${files.origin}/report.pdf` },
    { type: "input_file", filename: "photo", file_data: pngUrl() },
  ];
  await respond(stage.harness, { model: undefined, input: [{ role: "user", content }] });
  expect(sentParts(stage)).toEqual([
    { type: "text", text: "Compare" },
    { type: "text", text: "report.pdf:\nProfit is 7" },
    picture(pngUrl()),
  ]);
  expect(files.asked).toEqual(["/report.pdf"]);
});

test("a server that takes files gets them as parts, and never as an address", async () => {
  await using files = serveFiles();
  await using stage = await startDialectStage({
    dialect: "generic",
    environment: { FILE_FETCH_ORIGINS: files.origin },
  });
  const content = [
    { type: "input_text", text: "Compare" },
    { type: "input_file", file_url: `${files.origin}/report.pdf` },
    { type: "input_file", filename: "b.pdf", file_data: pdfUrl("Two") },
  ];
  await respond(stage.harness, { model: undefined, input: [{ role: "user", content }] });
  expect(sentParts(stage)).toEqual([
    { type: "text", text: "Compare" },
    document(`data:application/pdf;base64,${pdfOf("Profit is 7").toString("base64")}`, "report.pdf"),
    document(pdfUrl("Two"), "b.pdf"),
  ]);
});

test("what cannot be read is refused by its field", async () => {
  await using stage = await startDialectStage({ dialect: "dashscope" });
  const cases = [
    [document("data:application/pdf;base64,JVBERi0xLjQK", "a.pdf"), "damaged"],
    [document(`data:application/zip;base64,${btoa("PK\x03\x04")}`, "a.zip"), "not a PDF"],
    [document("https://127.0.0.1/a.pdf"), "not a public one"],
    [document("data:text/plain;base64,####", "a.txt"), "no valid data"],
  ] as const;
  for (const [part, reason] of cases) {
    const { status, error } = await readError(
      await stage.chat({ messages: [{ role: "user", content: [question, part] }] }),
    );
    expect([status, error.param]).toEqual([400, "messages[0].content[1].file.file_data"]);
    expect(error.message).toContain(reason);
  }
  expect(stage.completions()).toEqual([]);
});
