// The choice among 500 tools in a process of its own, as one line of JSON in milliseconds: bun test/manual/time-shortlist.ts.
// `book`: names, risks and rules of the whole list. `choice`: the index where there is none, and the search.

import { createJudge } from "../../src/agent/engine/risk.ts";
import { chooseTools } from "../../src/agent/engine/offer.ts";
import { createToolBooks } from "../../src/agent/engine/tool-book.ts";
import { createToolIndexer } from "../../src/agent/engine/tool-index.ts";
import { ToolList } from "../../src/agent/mcp/read-tools.ts";
import { manyTools } from "./many-tools.ts";

export interface ShortlistTimes {
  /** Of a process that has done nothing yet, but for what the engine does while servers start. */
  readonly firstBook: number;
  readonly firstChoice: number;
  readonly newListBook: number;
  readonly newListChoice: number;
  readonly laterChoice: number;
}

const rules = { confirm: "destructive", allow: [], ask: [], deny: [] } as const;
const books = createToolBooks(createJudge(rules), createToolIndexer());
books.practise();

function take(count: number, query: string): [book: number, choice: number] {
  const list = new ToolList("many");
  list.add(manyTools(count));
  const { tools } = list.read();
  const startedAtMs = performance.now();
  const book = books.of(tools);
  const bookedAtMs = performance.now();
  chooseTools(book, query, { queries: [], tools: [] });
  return [bookedAtMs - startedAtMs, performance.now() - bookedAtMs];
}

const [firstBook, firstChoice] = take(500, "Delete the invoice of yesterday");
const [newListBook, newListChoice] = take(501, "Which songs are there?");
const [, laterChoice] = take(501, "Rename the branch");
const times: ShortlistTimes = { firstBook, firstChoice, newListBook, newListChoice, laterChoice };
console.log(JSON.stringify(times));
