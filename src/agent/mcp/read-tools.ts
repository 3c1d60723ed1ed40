// What a server lists, to tools: each read by itself, so that a broken or hostile one takes no other with it.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { canonicalJson } from "../../conversation/canonical-json.ts";
import type { AgentTool, ToolHints } from "../tools.ts";
import { cleanJsonObject } from "./clean-json.ts";
import { cleanText } from "./clean-text.ts";
import { isSoundName } from "./sound-name.ts";

/** Longer ones are cut: they are read by a model with every question. */
const maxDescriptionChars = 4000;
/** A tool with a longer one is left out: a schema cannot be cut. */
const maxSchemaChars = 65_536;

/** Of all tools of a server, names, descriptions and schemas. Reading so much holds up nobody for longer than 200 ms. */
export const maxListChars = 4_194_304;

export interface ReadTools {
  readonly tools: readonly AgentTool[];
  /** How many were left out. */
  readonly refused: number;
}

/** A list that comes page by page: each is read at once, since all of them together may be more than memory holds. */
export class ToolList {
  /** How many were listed. */
  length = 0;
  readonly #server: string;
  readonly #tools = new Map<string, AgentTool>();
  readonly #budget = { chars: maxListChars };

  constructor(server: string) {
    this.#server = server;
  }

  /** @returns false: there is room for no more */
  add(page: readonly unknown[]): boolean {
    this.length += page.length;
    for (const item of page) {
      if (this.#budget.chars <= 0) break;
      const tool = readTool(this.#server, item, this.#budget);
      // The first of a name stays: a later one must not take its place.
      if (tool !== undefined && !this.#tools.has(tool.name)) this.#tools.set(tool.name, tool);
    }
    return this.#budget.chars > 0;
  }

  read(): ReadTools {
    return { tools: [...this.#tools.values()], refused: this.length - this.#tools.size };
  }
}

function readTool(server: string, item: unknown, budget: { chars: number }): AgentTool | undefined {
  if (!isJsonObject(item)) return undefined;
  const { name, description, inputSchema, annotations, execution } = item;
  if (typeof name !== "string" || !isSoundName(name)) return undefined;
  // Runs only as a task, which is not spoken here.
  if (isJsonObject(execution) && execution["taskSupport"] === "required") return undefined;
  const schema = readSchema(inputSchema);
  const described = typeof description === "string" ? description : "";
  // One that is too long has been looked at as far as the longest that is not.
  if (schema === undefined) budget.chars -= maxSchemaChars;
  if (schema === undefined) return undefined;
  const hints = readHints(annotations);
  const pinned = canonicalJson([server, name, described, schema, hints]);
  budget.chars -= pinned.length;
  if (budget.chars < 0) return undefined;
  return {
    server,
    name,
    description: cleanText(described, maxDescriptionChars).text.trim(),
    inputSchema: schema,
    hints,
    // Over the description as it came: also what was cut off of it must not change unseen.
    hash: new Bun.CryptoHasher("sha256").update(pinned).digest("hex"),
  };
}

function readSchema(schema: unknown): JsonObject | undefined {
  if (schema === undefined || schema === null) return { type: "object" };
  if (!isJsonObject(schema)) return undefined;
  const cleaned = cleanJsonObject(schema, maxSchemaChars);
  if (cleaned === undefined) return undefined;
  return cleaned["type"] === undefined ? { ...cleaned, type: "object" } : cleaned;
}

function readHints(annotations: unknown): ToolHints {
  if (!isJsonObject(annotations)) return {};
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
  return {
    ...(typeof readOnlyHint === "boolean" ? { readOnly: readOnlyHint } : {}),
    ...(typeof destructiveHint === "boolean" ? { destructive: destructiveHint } : {}),
    ...(typeof idempotentHint === "boolean" ? { idempotent: idempotentHint } : {}),
    ...(typeof openWorldHint === "boolean" ? { openWorld: openWorldHint } : {}),
  };
}
