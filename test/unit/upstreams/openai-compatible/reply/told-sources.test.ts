// Pages that a server tells with its answer.

import { expect, test } from "bun:test";
import { ToldSources } from "../../../../../src/upstreams/openai-compatible/reply/told-sources.ts";

test("ToldSources reads annotations of OpenAI and flat ones, each page once", () => {
  const told = new ToldSources();
  expect(
    told.fromAnnotations([
      {
        type: "url_citation",
        url_citation: { url: "https://a.example", title: "A", content: "words", start_index: 1 },
      },
      { type: "url_citation", url: "https://b.example" },
      { type: "url_citation", url_citation: { url: "https://a.example", title: "A" } },
      { type: "file_citation", url: "https://c.example" },
      { type: "url_citation", url_citation: { url: 7 } },
      null,
    ]),
  ).toEqual([
    { url: "https://a.example", title: "A", snippet: "words" },
    { url: "https://b.example", title: "https://b.example", snippet: undefined },
  ]);
  expect(told.fromAnnotations([{ type: "url_citation", url: "https://b.example" }])).toEqual([]);
});

test("ToldSources holds no pages without end", () => {
  const pages = Array.from({ length: 10_000 }, (_, index) => ({
    type: "url_citation",
    url: `https://${index}.example`,
  }));
  expect(() => new ToldSources().fromAnnotations(pages)).toThrow("longer than 32 MiB");
});

test("ToldSources reads what Model Studio's search has found", () => {
  const info = { search_results: [{ index: 1, site_name: "S", title: "A", url: "https://a.example", icon: "" }, {}] };
  expect(new ToldSources().fromSearch(info)).toEqual([{ url: "https://a.example", title: "A", snippet: undefined }]);
  for (const other of [null, "x", {}, { search_results: 1 }]) expect(new ToldSources().fromSearch(other)).toEqual([]);
});
