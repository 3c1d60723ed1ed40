// What can be done, told to people: the services with their commands, and sentences to try, made from schemas.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { AgentCapabilities } from "../engine.ts";
import type { ToolServerView } from "../tools.ts";
import { briefText } from "./clean-text.ts";
import { splitWords } from "./name-words.ts";
import type { BookedTool, ToolBook } from "./tool-book.ts";

const maxDescriptionChars = 500;
const mostExamples = 12;
/** Of one example: more are no command that somebody would say. */
const mostValues = 3;

export function describeTools(book: ToolBook, views: readonly ToolServerView[]): AgentCapabilities {
  return {
    services: views.map((view) => ({
      ...view,
      commands: book.tools
        .filter(({ tool }) => tool.server === view.name)
        .map(({ tool, risk, verdict }) => ({
          name: briefText(tool.name, 200),
          description: briefText(tool.description, maxDescriptionChars),
          risk: verdict === "deny" ? "denied" : risk,
        })),
    })),
  };
}

/** A few of each service: what reads and adds, for people try what they see. */
export function writeExamples({ usable }: ToolBook): readonly string[] {
  const harmless = usable.filter(({ risk }) => risk !== "destructive");
  const places = new Map<string, number>();
  const ordered = (harmless.length === 0 ? usable : harmless)
    .map((booked) => {
      const place = places.get(booked.tool.server) ?? 0;
      places.set(booked.tool.server, place + 1);
      return { booked, place };
    })
    .sort((one, other) => one.place - other.place);
  return [...new Set(ordered.map(({ booked }) => writeExample(booked)))].slice(0, mostExamples);
}

/** `create_event` with a title and a time: `Create event with title "Team lunch" and start "2026-01-31T14:00:00Z"`. */
function writeExample({ tool }: BookedTool): string {
  const words = splitWords(tool.name).join(" ");
  const sentence = words.charAt(0).toUpperCase() + words.slice(1);
  const values = requiredOf(tool.inputSchema)
    .slice(0, mostValues)
    .map(([name, schema]) => `${splitWords(name).join(" ")} ${sampleOf(schema)}`);
  if (values.length === 0) return sentence;
  const last = values.pop() ?? "";
  return `${sentence} with ${values.length === 0 ? last : `${values.join(", ")} and ${last}`}`;
}

function requiredOf(schema: JsonObject): [name: string, schema: JsonObject][] {
  const properties = isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return required.flatMap((name): [string, JsonObject][] => {
    const property = typeof name === "string" ? properties[name] : undefined;
    return isJsonObject(property) ? [[name, property]] : [];
  });
}

function sampleOf(schema: JsonObject): string {
  const given = [schema["examples"], schema["enum"]].find((list) => Array.isArray(list) && list.length > 0);
  const [first] = Array.isArray(given) ? given : [schema["const"] ?? schema["default"]];
  if (typeof first === "string") return JSON.stringify(briefText(first, 60));
  if (typeof first === "number" || typeof first === "boolean") return String(first);
  return sampleOfType(schema);
}

function sampleOfType({ type, format, minimum }: JsonObject): string {
  const [kind] = Array.isArray(type) ? type : [type];
  if (kind === "integer" || kind === "number") return String(typeof minimum === "number" ? Math.max(minimum, 1) : 1);
  if (kind === "boolean") return "true";
  if (kind === "array" || kind === "object") return "...";
  return JSON.stringify(typeof format === "string" ? (samplesByFormat.get(format) ?? "...") : "...");
}

const samplesByFormat: ReadonlyMap<string, string> = new Map([
  ["date-time", "tomorrow at 2 PM"],
  ["date", "tomorrow"],
  ["time", "2 PM"],
  ["email", "john@example.com"],
  ["uri", "https://example.com"],
]);
