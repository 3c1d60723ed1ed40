// Answers wrapped for the old Roo Code protocol: whatever the answer is and however it is cut.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { UpstreamEvent } from "../../../../src/contract/events.ts";
import { jsonText } from "../../../../src/contract/json.ts";
import type { EventDecoder } from "../../../../src/contract/upstream.ts";
import { wrapAnswer } from "../../../../src/gateway/forms/wrap-answer.ts";
import { fromBytes } from "../../../../src/outbound/fetch-client.ts";

function wrapped(pieces: readonly string[], finishReason: "stop" | "length" = "stop"): string {
  const decoder: EventDecoder = {
    pendingBytes: 0,
    feed() {},
    end(emit) {
      for (const piece of pieces) emit({ type: "text-delta", text: jsonText(piece) });
      emit({ type: "reply-end", finishReason });
    },
  };
  const body = fromBytes(new Uint8Array());
  const reply = wrapAnswer({ account: "", model: "m", body, decoder, onEnd: async () => 0 });
  let text = "";
  const read = (event: UpstreamEvent): void => {
    if (event.type === "text-delta") text += event.text.text;
  };
  reply.decoder.end(read);
  return text;
}

const inWrap = /^<attempt_completion>\n<result>\n([\s\S]*)\n<\/result>\n<\/attempt_completion>$/;

function cutAt(text: string, places: readonly number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end));
}

describe("wrapAnswer", () => {
  test("gives one result, well formed, whatever the words are [R0-062]", () => {
    const word = fc.constantFrom(
      "a",
      " ",
      "<",
      ">",
      "/",
      "result",
      "<result>",
      "</result>",
      "</attempt_completion>",
      "&",
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        const text = words.join("");
        fc.pre(text.trim() !== "");
        const [, inner] = inWrap.exec(wrapped(words)) ?? [];
        expect(inner).toBeDefined();
        expect(inner).not.toMatch(/<\/?(?:result|attempt_completion)>/);
        expect(inner?.replaceAll("&lt;", "<").replaceAll("&gt;", ">")).toBe(text.trim());
      }),
    );
  });

  test("leaves an answer with a call as it is, wherever it is cut [R0-062]", () => {
    const text = "I look.\n<read_file>\n<path>a</path>\n</read_file>\n";
    fc.assert(
      fc.property(fc.array(fc.nat()), (places) => {
        expect(wrapped(cutAt(text, places))).toBe(text);
      }),
    );
  });

  test("begins to tell an answer that is longer than what is held, and keeps it well formed", () => {
    const piece = "0123456789</res".repeat(1000);
    const pieces = Array.from({ length: 300 }, () => piece);
    const text = wrapped([...pieces, "ult> end"]);
    const [, inner] = inWrap.exec(text) ?? [];
    expect(inner).toEndWith("&lt;/result&gt; end");
    expect(inner).not.toMatch(/<\/result>/);
  });

  test("an answer that was cut at its length is wrapped, too", () => {
    expect(wrapped(["Half of"], "length")).toMatch(inWrap);
  });
});
