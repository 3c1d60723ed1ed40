// What parts lead to: out of their own addresses, and fetched.

import { describe, expect, test } from "bun:test";
import { type AttachedPart, createAttachmentLoader } from "../../../src/attachments/load-attachment.ts";
import { DownloadRefusal, type GuardedDownload } from "../../../src/outbound/guarded-download.ts";
import { pdfOf, pdfUrl, pngOf, pngUrl } from "../../support/sample-files.ts";

const { signal } = new AbortController();

function createLoader(download?: GuardedDownload, timeoutMs = 1000) {
  return createAttachmentLoader({ maxBytes: 5000, download, timeoutMs, clock: () => 0 });
}

const image = (url: string): AttachedPart => ({ type: "image", url, field: "the.field" });
const file = (url: string, name?: string): AttachedPart => ({ type: "file", url, name, field: "the.field" });

describe("load", () => {
  test.each([
    ["a picture", image(pngUrl("a")), { kind: "image", mediaType: "image/png", name: undefined }],
    ["a picture that is said to be another", image(pngUrl().replace("png", "jpeg")), { mediaType: "image/png" }],
    [
      "a document",
      file(pdfUrl("Hi"), "../a b.pdf"),
      { kind: "document", mediaType: "application/pdf", name: "a b.pdf" },
    ],
    ["base64 without a head", file(pdfOf("Hi").toString("base64"), "a.pdf"), { mediaType: "application/pdf" }],
    ["text in percent signs", file("data:text/plain,a%20b", "a.txt"), { mediaType: "text/plain" }],
  ] as const)("gives %s", async (_name, part, expected) => {
    expect(await createLoader().load(part, signal)).toMatchObject(expected);
  });

  test.each([
    ["input_audio as OpenAI has it", { type: "input_audio", input_audio: { data: btoa("ID3\x04"), format: "mp3" } }],
    ["an address in its place", { type: "input_audio", input_audio: { data: `data:;base64,${btoa("ID3\x04")}` } }],
    ["audio_url", { type: "audio_url", audio_url: { url: `data:audio/mp3;base64,${btoa("ID3\x04")}` } }],
  ])("gives sound: %s", async (_name, part) => {
    expect(await createLoader().load({ type: "media", part }, signal)).toMatchObject({ kind: "audio" });
  });

  test("fetches an address once for all who want it, and takes its name from it", async () => {
    let asked = 0;
    const loader = createLoader(async () => {
      asked++;
      return { bytes: pngOf("a"), contentType: "text/html" };
    });
    const part = image("https://a.example/b/c%20d.png?e");
    const all = await Promise.all([loader.load(part, signal), loader.load({ ...part }, signal)]);
    expect(all.map(({ name }) => name)).toEqual(["c d.png", "c d.png"]);
    expect(asked).toBe(1);
  });

  test("ends with its client, and not what others wait for", async () => {
    const coming = Promise.withResolvers<{ bytes: Uint8Array; contentType: string }>();
    const loader = createLoader(() => coming.promise);
    const leaving = new AbortController();
    const first = loader.load(image("https://a.example/"), leaving.signal);
    const second = loader.load(image("https://a.example/"), signal);
    leaving.abort(new Error("left"));
    await expect(first).rejects.toThrow("left");
    coming.resolve({ bytes: pngOf("a"), contentType: "" });
    expect((await second).bytes).toEqual(pngOf("a"));
  });

  test("names the field of what cannot be fetched, and asks again the next time", async () => {
    const answers: unknown[] = [new DownloadRefusal("its server answered 404"), new Error("socket"), "fine"];
    const loader = createLoader(async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return { bytes: pngOf("a"), contentType: "" };
    });
    const load = () => loader.load(image("https://a.example/"), signal);
    const wrong = { kind: "invalid-request", param: "the.field" };
    await expect(load()).rejects.toMatchObject({
      ...wrong,
      message: 'Cannot use "the.field": its server answered 404',
    });
    await expect(load()).rejects.toMatchObject({ ...wrong, message: expect.stringContaining("cannot be reached") });
    expect((await load()).kind).toBe("image");
  });

  test("fetches nothing where that is switched off", async () => {
    await expect(createLoader().load(image("https://a.example/"), signal)).rejects.toMatchObject({
      param: "the.field",
    });
  });
});

describe("readText", () => {
  test.each([
    ["a PDF", file(pdfUrl("Profit is 7"), "a.pdf"), "a.pdf:\nProfit is 7"],
    ["Markdown as it stands", file(`data:;base64,${btoa("# A\n\n*b*")}`, "a.md"), "a.md:\n# A\n\n*b*"],
    ["JSON", file(`data:application/json,{"a":1}`), '{"a":1}'],
    ["HTML as its words", file(`data:text/html;base64,${btoa("<p>Hello</p>")}`, "a.html"), "a.html:\nHello"],
  ])("gives the words of %s", async (_name, part, text) => {
    expect(await createLoader().readText(part, signal)).toBe(text);
  });

  test.each([
    ["a picture", file(pngUrl(), "a.pdf"), /not a document/],
    [
      "a PDF that is broken",
      file(`data:;base64,${btoa("%PDF-1.4\n")}`, "a.pdf"),
      /^Cannot use "the.field": it is a PDF that is damaged/,
    ],
    ["what has no words", file(`data:;base64,${btoa("---")}`, "a.txt"), /^Cannot use "the.field": it has no words/],
  ])("refuses %s", async (_name, part, reason) => {
    await expect(createLoader().readText(part, signal)).rejects.toMatchObject({
      kind: "invalid-request",
      param: "the.field",
      message: expect.stringMatching(reason),
    });
  });
});
