// Names of attachments: one a content, none twice.

import { expect, test } from "bun:test";
import { nameAttachments } from "../../../../../src/upstreams/qwen-web/attachments/plan-attachments.ts";

const attachment = (hash: string, name: string | undefined, ending = "png") => ({
  kind: "image" as const,
  mediaType: "image/png",
  bytes: new Uint8Array(),
  ending,
  hash,
  name,
});

const namesOf = (...attachments: ReturnType<typeof attachment>[]): string[] =>
  nameAttachments(attachments).map(({ name }) => name);

test.each([
  [
    "what has no name is numbered",
    [attachment("1", undefined), attachment("2", undefined)],
    ["image-1.png", "image-2.png"],
  ],
  [
    "the same content is one file",
    [attachment("1", undefined), attachment("1", undefined)],
    ["image-1.png", "image-1.png"],
  ],
  ["the same content under two names too", [attachment("1", "a.png"), attachment("1", "b.png")], ["a.png", "a.png"]],
  ["one name of two contents", [attachment("1", "a.png"), attachment("2", "a.png")], ["a.png", "a-2.png"]],
  [
    "also where the next name is taken",
    [attachment("1", "a.png"), attachment("2", "a-2.png"), attachment("3", "a.png")],
    ["a.png", "a-2.png", "a-3.png"],
  ],
  ["a name without an ending gets one", [attachment("1", "report", "pdf")], ["report.pdf"]],
  [
    "a numbered name may be taken",
    [attachment("1", "image-1.png"), attachment("2", undefined)],
    ["image-1.png", "image-2.png"],
  ],
] as const)("%s", (_name, attachments, names) => {
  expect(namesOf(...attachments)).toEqual([...names]);
});
