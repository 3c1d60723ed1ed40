// The published schema of the typed chat's events, and what the document says of them in a table.

import { expect, test } from "bun:test";
import { eventSchema } from "../../../src/pipeline/event-schemas.ts";
import { readProjectFile } from "../house/source-files.ts";

test("the schema of a source has the fields that the document's table has [R3-020]", () => {
  const table = readProjectFile("docs/protocol-typed-chat.md");
  const named = /\{"sources":\[\{([^}]*)\}\]\}/.exec(table)?.[1]?.match(/\w+/g);
  const sources = eventSchema.anyOf.flatMap(({ properties }) => ("sources" in properties ? [properties.sources] : []));

  expect(sources.map(({ items }) => Object.keys(items.properties))).toEqual([named ?? []]);
});
