// Tools found by words of a query: full-text search in memory over names and descriptions. The first of two choices when
// there are more tools than a model should be shown; the second is the model's.

import { Database } from "bun:sqlite";
import { searchTerms } from "../../documents/search-terms.ts";
import { createWordReader } from "../../documents/search-words.ts";
import { createStopWords } from "../../documents/stop-words.ts";
import { splitWords } from "./name-words.ts";

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

/** @returns a function that keeps what all indexes share: words and their stems */
export function createToolIndexer(): IndexTools {
  const reader = createWordReader();
  const stopWords = createStopWords();
  const wordsOf = (text: string): string =>
    reader
      .read(text)
      .map(({ word }) => word)
      .join(" ");

  return (tools) => {
    const database = new Database(":memory:", { strict: true });
    // Words come ready: stemmed, without accents, characters of scripts without spaces each for itself.
    database.run(`CREATE VIRTUAL TABLE tools USING fts5 (
      name, description, server, content = '', tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'")`);
    // A word of the name says more than one of a long description, and one of the server least: all its tools have it.
    database.run("INSERT INTO tools (tools, rank) VALUES ('rank', 'bm25(4.0, 1.0, 0.5)')");
    const insert = database.prepare("INSERT INTO tools (rowid, name, description, server) VALUES (?, ?, ?, ?)");
    database.transaction(() => {
      for (const [position, { name, description, server }] of tools.entries()) {
        const about = wordsOf(description.slice(0, maxDescriptionChars));
        insert.run(position + 1, wordsOf(splitWords(name).join(" ")), about, wordsOf(splitWords(server).join(" ")));
      }
    })();
    const find = database.prepare<{ row: number }, [{ match: string; limit: number }]>(
      "SELECT rowid AS row FROM tools WHERE tools MATCH $match ORDER BY rank LIMIT $limit",
    );

    return {
      search(query, limit) {
        const terms = searchTerms(splitWords(query).join(" "), reader, stopWords);
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
