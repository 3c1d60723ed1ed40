// Which files go with a message: as many, and as much, as the gateway takes.

import { expect, test } from "bun:test";
import { attachFiles } from "../../src/page/attach-files.ts";
import { joinAttachments } from "../../src/pipeline/parse-request.ts";

const file = (name: string, bytes: number) => new File([new Uint8Array(bytes)], name, { type: "text/plain" });
/** As an address of so many bytes. */
const attached = (bytes: number) => ({
  name: "a.txt",
  type: "text/plain",
  url: `data:text/plain;base64,${"A".repeat(Math.ceil(bytes / 3) * 4)}`,
});

test("attachFiles says what is too large, alone or with what is there already", async () => {
  const tooLarge = "is too large: the files of a message may have 12 MB together";

  expect(await attachFiles([file("big.txt", 12_000_001)], [])).toEqual({
    attachments: [],
    refusals: [`big.txt ${tooLarge}`],
  });
  expect((await attachFiles([file("more.txt", 2_000_000)], [attached(11_000_000)])).refusals).toEqual([
    `more.txt ${tooLarge}`,
  ]);
});

// Two drops at a time may have brought more than ten.
test.each([10, 12])("attachFiles says which is one too many behind %i", async (count) => {
  const before = Array.from({ length: count }, () => attached(1));

  expect((await attachFiles([file("more.txt", 1)], before)).refusals).toEqual([
    "more.txt is one too many: a message may have 10 files",
  ]);
});

test("the gateway takes what the page does", () => {
  expect(joinAttachments([], [attached(12_000_000)])).toHaveLength(1);
  expect(
    joinAttachments(
      [],
      Array.from({ length: 10 }, () => attached(1_200_000)),
    ),
  ).toHaveLength(10);
});
