// Resources that a result only links to, read so that the model has them: a few, of texts, and not for long.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";

/** More links stay links. */
const maxLinks = 3;
const readMs = 5000;

/** @param read one resource of the server that has given the result */
export async function withLinkedResources(
  raw: JsonObject,
  read: (uri: string, signal: AbortSignal) => Promise<JsonObject>,
  signal: AbortSignal,
): Promise<JsonObject> {
  const blocks: readonly unknown[] = Array.isArray(raw["content"]) ? raw["content"] : [];
  const links = blocks.filter(isLink).slice(0, maxLinks);
  if (links.length === 0) return raw;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(readMs)]);
  const found = new Map<unknown, JsonObject>();
  await Promise.all(
    links.map(async (link) => {
      try {
        const { contents } = await read(link.uri, limit);
        const [content] = Array.isArray(contents) ? contents : [];
        if (isJsonObject(content) && typeof content["text"] === "string")
          found.set(link, { type: "resource", resource: { ...content, uri: link.uri, name: link.name } });
      } catch {
        // The link alone is what the tool has given.
      }
    }),
  );
  signal.throwIfAborted();
  return { ...raw, content: blocks.map((block) => found.get(block) ?? block) };
}

function isLink(block: unknown): block is { readonly uri: string; readonly name: unknown } {
  return isJsonObject(block) && block["type"] === "resource_link" && typeof block["uri"] === "string";
}
