// Tools found by words of a query: full-text search in memory over names and descriptions. The first of two choices when
// there are more tools than a model should be shown; the second is the model's.

import { Database } from "bun:sqlite";
import { searchTerms } from "../../documents/search-terms.ts";
import { createStopWords } from "../../documents/stop-words.ts";
import { createToolWords } from "./tool-words.ts";

export interface IndexedTool {
  readonly server: string;
  readonly name: string;
  readonly description: string;
}

export interface ToolIndex {
  /** Positions of the tools in the list, the best first. Those that share no word with the query are not among them. */
  search(query: string, limit: number): readonly number[];
  close(): void;
}

/** Of a description: what comes later is about details. */
const maxDescriptionChars = 1000;

export type IndexTools = (tools: readonly IndexedTool[]) => ToolIndex;

/** @returns a function that keeps what all indexes share */
export function createToolIndexer(): IndexTools {
  const words = createToolWords();
  const stopWords = createStopWords();

  return (tools) => {
    const database = new Database(":memory:", { strict: true });
    // Letters are folded and English is stemmed by the tokenizer, of tools and of queries alike. In JavaScript that is
    // four fifths of the time that a new list takes (test/manual/agent-figures.ts).
    database.run(`CREATE VIRTUAL TABLE tools USING fts5 (
      name, description, server, content = '',
      tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'")`);
    // A word of the name says more than one of a long description, and one of the server least: all its tools have it.
    database.run("INSERT INTO tools (tools, rank) VALUES ('rank', 'bm25(4.0, 1.0, 0.5)')");
    const insert = database.prepare("INSERT INTO tools (rowid, name, description, server) VALUES (?, ?, ?, ?)");
    database.transaction(() => {
      for (const [position, { name, description, server }] of tools.entries()) {
        const about = words.separate(description.slice(0, maxDescriptionChars));
        insert.run(position + 1, words.separateName(name), about, words.separateName(server));
      }
    })();
    const find = database.prepare<{ row: number }, [{ match: string; limit: number }]>(
      "SELECT rowid AS row FROM tools WHERE tools MATCH $match ORDER BY rank LIMIT $limit",
    );

    return {
      search(query, limit) {
        const terms = searchTerms(words.separateName(query), words, stopWords);
        if (terms.length === 0) return [];
        // Quoted: nothing that a person types is an operator.
        const match = terms.map((term) => `"${term.join(" ").replaceAll('"', '""')}"`).join(" OR ");
        return find.all({ match, limit }).map(({ row }) => row - 1);
      },
      close() {
        insert.finalize();
        find.finalize();
        database.close();
      },
    };
  };
}
