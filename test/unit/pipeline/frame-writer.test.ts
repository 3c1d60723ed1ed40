// Frames with ids, text as it stands in its JSON, and the id found again in the bytes.

import { describe, expect, test } from "bun:test";
import { jsonText } from "../../../src/contract/json.ts";
import { FrameWriter, lastIdOf, numberedFrom } from "../../../src/pipeline/frame-writer.ts";

const text = new TextDecoder();
const bytes = new TextEncoder();

function taken(frames: FrameWriter): string {
  return text.decode(frames.take());
}

/** Text as it stands somewhere in a chunk, with its quotes. */
function rawText(json: string) {
  const chunk = bytes.encode(`{"content":${json},"more":1}`);
  const start = bytes.encode('{"content":').length;
  return { ...jsonText(""), bytes: chunk, start, end: start + bytes.encode(json).length };
}

describe("FrameWriter", () => {
  test("numbers frames from 1, each event one frame [R3-008]", () => {
    const frames = new FrameWriter();

    frames.event({ stage: "a" });
    frames.token(jsonText("b"));
    frames.reasoning(jsonText("c"));
    frames.event("[DONE]");

    expect(taken(frames)).toBe(
      'id: 1\ndata: {"stage":"a"}\n\nid: 2\ndata: {"token":"b"}\n\nid: 3\ndata: {"reasoning":"c"}\n\nid: 4\ndata: [DONE]\n\n',
    );
    expect(frames.lastId).toBe(4);
  });

  test("goes on counting when it was emptied, and tells what waits", () => {
    const frames = new FrameWriter();
    expect(frames.pendingBytes).toBe(0);
    frames.event({ a: 1 });
    expect(frames.pendingBytes).toBe('id: 1\ndata: {"a":1}\n\n'.length);
    frames.take();

    frames.token(jsonText("x"));

    expect(taken(frames)).toStartWith("id: 2\n");
    expect(frames.take()).toHaveLength(0);
  });

  test("writes text raw, in UTF-8 [R3-009]", () => {
    const frames = new FrameWriter();

    frames.event({ stage: "检索 🔎" });
    frames.token(rawText('"通知期是两个月 🗓\\n\\"ok\\""'));

    expect(taken(frames)).toBe(
      'id: 1\ndata: {"stage":"检索 🔎"}\n\nid: 2\ndata: {"token":"通知期是两个月 🗓\\n\\"ok\\""}\n\n',
    );
  });

  test.each([
    [String.raw`"\u4f60\u597d \ud83d\ude42"`, '"你好 🙂"'],
    [String.raw`"5 \u003c 6, a\/b \u00e9"`, '"5 < 6, a/b é"'],
    [String.raw`"\\u4f60 \n\"\\"`, String.raw`"\\u4f60 \n\"\\"`],
    [String.raw`"\u0000\u000a"`, String.raw`"\u0000\n"`],
    [String.raw`"half \ud83d"`, String.raw`"half \ud83d"`],
    [String.raw`"\ude42 the other half"`, String.raw`"\ude42 the other half"`],
  ])("takes no escape along that JSON does not need: %s [R3-009]", (json, written) => {
    const frames = new FrameWriter();

    frames.token({ ...rawText(json), text: JSON.parse(json) as string });
    frames.reasoning({ ...rawText(json), text: JSON.parse(json) as string });

    expect(taken(frames)).toBe(`id: 1\ndata: {"token":${written}}\n\nid: 2\ndata: {"reasoning":${written}}\n\n`);
  });

  test("copies text: its chunk may be overwritten before the frame is taken", () => {
    const frames = new FrameWriter();
    const piece = rawText('"kept"');
    frames.token(piece);

    piece.bytes.fill(0);

    expect(taken(frames)).toContain('"kept"');
  });

  test("keeps the ids without a gap when an event cannot be written", () => {
    const frames = new FrameWriter();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;

    expect(() => frames.event(circle)).toThrow(TypeError);
    frames.event({ a: 1 });

    expect(taken(frames)).toBe('id: 1\ndata: {"a":1}\n\n');
  });

  test("keeps text with line ends within its frame", () => {
    const frames = new FrameWriter();

    frames.event("one\ntwo\r\n\nid: 99\rthree");

    expect(taken(frames)).toBe("id: 1\ndata: one\ndata: two\ndata: \ndata: id: 99\ndata: three\n\n");
  });
});

describe("lastIdOf", () => {
  test.each([1, 9, 10, 99, 100, 65_535, 123_456_789, 4_294_967_296, Number.MAX_SAFE_INTEGER])("reads %d", (id) => {
    const frame = (data: string) => bytes.encode(`id: 3\ndata: {"stage":"a"}\n\nid: ${id}\ndata: ${data}\n\n`);

    expect(lastIdOf(frame('{"token":"id: 7"}'))).toBe(id);
    expect(lastIdOf(frame('{"token":"\\n\\nid: 7\\n"}'))).toBe(id);
    expect(lastIdOf(frame("[DONE]"))).toBe(id);
    expect(lastIdOf(frame("{}").subarray(bytes.encode('id: 3\ndata: {"stage":"a"}\n\n').length))).toBe(id);
  });

  test("reads it of whatever was gathered in one piece, also of a view into something larger", () => {
    const frames = new FrameWriter();
    for (let count = 1; count <= 1000; count++) {
      if (count % 3 === 0) frames.event({ stage: `s${count}` });
      else frames.token(jsonText(`piece ${count} 片`));
      if (count % 7 !== 0 && count !== 1000) continue;
      const piece = frames.take();
      const within = new Uint8Array(piece.length + 20).fill(49);
      within.set(piece, 10);

      expect(lastIdOf(piece)).toBe(count);
      expect(lastIdOf(within.subarray(10, 10 + piece.length))).toBe(count);
    }
  });
});

describe("numberedFrom", () => {
  const frames = new FrameWriter(8);
  frames.token(jsonText("a\n\nid: 5\ndata: x"));
  frames.token(jsonText("\u2028id: 6\u2028"));
  const written = frames.take();

  test("leaves frames alone that have the right ids", () => {
    expect(numberedFrom(9, written)).toBe(written);
  });

  test.each([1, 7, 10, 90, 99])("numbers frames from %d on, and changes nothing else", (firstId) => {
    const numbered = numberedFrom(firstId, written);

    expect(text.decode(numbered)).toBe(
      `id: ${firstId}\ndata: {"token":"a\\n\\nid: 5\\ndata: x"}\n\nid: ${firstId + 1}\ndata: {"token":"\u2028id: 6\u2028"}\n\n`,
    );
    expect(lastIdOf(numbered)).toBe(firstId + 1);
  });
});
