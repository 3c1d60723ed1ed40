// OpenAI's own tools that the client runs: shells and patches. Models are told of them as functions; their calls and results
// are items of their own types.

import type { ContentPart, ToolDefinition } from "../../contract/chat-request.ts";
import { stringifyExact } from "../../contract/exact-json.ts";
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { LongText } from "../../conversation/long-text.ts";

/** Its type in `tools`, and the name by which the model knows it. */
export type ClientToolKind = "shell" | "local_shell" | "apply_patch";

type Fields = { readonly [field: string]: Json };

interface ClientTool {
  /** Undefined: the service would run it. */
  define(declared: JsonObject): ToolDefinition | undefined;
  /** What of its call stands in no other call, whatever the model wrote. */
  encode(given: JsonObject): Fields;
  /** The inverse of `encode`. */
  decode(item: JsonObject): Fields;
}

const clientTools: Readonly<Record<ClientToolKind, ClientTool>> = {
  shell: { define: defineShell, encode: encodeShell, decode: ({ action }) => shellArguments(action) },
  local_shell: {
    define: () => localShell,
    encode: (given) => ({ action: { type: "exec", env: {}, ...localShellArguments(given) } }),
    decode: ({ action }) => localShellArguments(action),
  },
  apply_patch: {
    define: () => applyPatch,
    encode: (given) => ({ operation: patchArguments(isJsonObject(given["operation"]) ? given["operation"] : given) }),
    decode: ({ operation }) => patchArguments(operation),
  },
};

const kinds: ReadonlyMap<unknown, ClientToolKind> = new Map([
  ["shell", "shell"],
  ["local_shell", "local_shell"],
  ["apply_patch", "apply_patch"],
]);

export function clientToolKind(type: unknown): ClientToolKind | undefined {
  return kinds.get(type);
}

/** @returns what an item is of, by its type: a call of such a tool, or the result of one */
export function clientToolItem(
  type: unknown,
): { readonly kind: ClientToolKind; readonly role: "call" | "output" } | undefined {
  const [, name, output] = typeof type === "string" ? (/^([a-z_]+?)_call(_output)?$/.exec(type) ?? []) : [];
  const kind = kinds.get(name);
  return kind && { kind, role: output === undefined ? "call" : "output" };
}

/** @returns undefined for one that the service would run */
export function defineClientTool(kind: ClientToolKind, declared: JsonObject): ToolDefinition | undefined {
  return clientTools[kind].define(declared);
}

/** @param given the arguments of the function that stands for the tool; what cannot be read does nothing */
export function encodeClientCall(kind: ClientToolKind, given: JsonObject): Fields {
  return clientTools[kind].encode(given);
}

/** The arguments of the function, as text. */
export function clientCallArguments(kind: ClientToolKind, item: JsonObject): string {
  return stringifyExact(clientTools[kind].decode(item));
}

function defineShell({ environment }: JsonObject): ToolDefinition | undefined {
  const type = isJsonObject(environment) ? environment["type"] : "local";
  if (type !== "local") return undefined;
  const skills = isJsonObject(environment) && Array.isArray(environment["skills"]) ? environment["skills"] : [];
  return {
    name: "shell",
    description: [shellDescription, ...skillLines(skills)].join("\n"),
    parameters: shellParameters,
  };
}

const shellDescription =
  "Runs shell commands on the user's machine. Answers with what each of them printed, and with its exit code. Commands of one call may run at the same time: join those that depend on one another with &&.";

const shellParameters: Json = {
  type: "object",
  properties: {
    commands: { type: "array", items: { type: "string" }, description: "The commands, each a line for the shell" },
    timeout_ms: { type: "integer", description: "How long the commands may run, in milliseconds" },
    max_output_length: { type: "integer", description: "How many characters of what they print are wanted" },
  },
  required: ["commands"],
};

function skillLines(skills: readonly unknown[]): string[] {
  const lines = skills.flatMap((skill) =>
    isJsonObject(skill) ? [`- ${skill["name"]}: ${skill["description"]} (${skill["path"]})`] : [],
  );
  const heading = "Skills, each in a folder whose SKILL.md is to be read before the skill is used:";
  return lines.length === 0 ? [] : [heading, ...lines];
}

function encodeShell(given: JsonObject): Fields {
  const action = { timeout_ms: null, max_output_length: null, ...shellArguments(given) };
  return { action, environment: { type: "local" } };
}

function shellArguments(value: unknown): Fields {
  const given = isJsonObject(value) ? value : {};
  return {
    commands: textsIn(given["commands"] ?? given["command"]) ?? [],
    ...numbersIn(given, ["timeout_ms", "max_output_length"]),
  };
}

const localShell: ToolDefinition = {
  name: "local_shell",
  description: "Runs one command on the user's machine. Answers with what it printed.",
  parameters: {
    type: "object",
    properties: {
      command: {
        type: "array",
        items: { type: "string" },
        description: 'The program and its arguments, such as ["bash", "-lc", "ls | wc -l"]: no shell reads them',
      },
      working_directory: { type: "string", description: "Where it runs" },
      env: { type: "object", additionalProperties: { type: "string" }, description: "Variables of its environment" },
      timeout_ms: { type: "integer", description: "How long it may run, in milliseconds" },
    },
    required: ["command"],
  },
};

function localShellArguments(value: unknown): Fields {
  const given = isJsonObject(value) ? value : {};
  const line = given["command"];
  const env = Object.entries(isJsonObject(given["env"]) ? given["env"] : {});
  const told = env.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return {
    // A line is for a shell.
    command: typeof line === "string" ? ["bash", "-lc", line] : (textsIn(line) ?? []),
    ...(told.length === 0 ? {} : { env: Object.fromEntries(told) }),
    ...numbersIn(given, ["timeout_ms"]),
    ...wordsIn(given, ["user", "working_directory"]),
  };
}

const applyPatch: ToolDefinition = {
  name: "apply_patch",
  description: [
    "Creates, changes or deletes one file on the user's machine.",
    "The diff of a new file is its whole text, each line with a + before it.",
    "The diff of a change has a section for each place that changes: a line with @@, which may name the function or class around it as in @@ def greet():, then some unchanged lines with a blank before each, lines to be taken out with - and new ones with +, and some unchanged lines again. There are no line numbers and no names of files in it.",
  ].join("\n"),
  parameters: {
    type: "object",
    properties: {
      type: { type: "string", enum: ["create_file", "update_file", "delete_file"] },
      path: { type: "string", description: "The file" },
      diff: { type: "string", description: "Of a file that is created or changed" },
    },
    required: ["type", "path"],
  },
};

/** What cannot be read is a change without a place: clients know no other types, and fail with this one. */
function patchArguments(value: unknown): Fields {
  const given = isJsonObject(value) ? value : {};
  const path = textIn(given["path"]);
  if (given["type"] === "delete_file") return { type: "delete_file", path };
  const type = given["type"] === "create_file" ? "create_file" : "update_file";
  return { type, path, diff: textIn(given["diff"]), ...wordsIn(given, ["move_to"]) };
}

/** @returns undefined for what is content as that of other tools */
export function clientToolResult(
  kind: ClientToolKind,
  { output, status }: JsonObject,
): { readonly content?: readonly ContentPart[]; readonly isError?: true } {
  if (kind === "shell" && Array.isArray(output)) return { content: [{ type: "text", text: shellText(output) }] };
  if (kind !== "apply_patch") return {};
  const isError = status === "failed" ? ({ isError: true } as const) : {};
  if (output !== undefined && output !== null && output !== "") return isError;
  return { content: [{ type: "text", text: status === "failed" ? "Failed." : "Done." }], ...isError };
}

function shellText(outputs: readonly unknown[]): string {
  const texts = outputs.map((output) => (isJsonObject(output) ? commandText(output) : ""));
  if (texts.length < 2) return texts.join("");
  return texts.map((text, index) => `Command ${index + 1}:\n${text}`).join("\n\n");
}

function commandText({ stdout, stderr, outcome }: JsonObject): string {
  const [out, errors] = [stdout, stderr].map((text) => textIn(text).replace(/\n$/, ""));
  const ended = isJsonObject(outcome) ? endOf(outcome) : "";
  return [out, errors === "" ? "" : `stderr:\n${errors}`, ended].filter((text) => text !== "").join("\n");
}

function endOf(outcome: JsonObject): string {
  if (outcome["type"] === "timeout") return "It ran out of time.";
  return typeof outcome["exit_code"] === "number" ? `exit code: ${outcome["exit_code"]}` : "";
}

function textIn(value: unknown): string {
  if (value instanceof LongText) return value.text;
  return typeof value === "string" ? value : "";
}

/** One is a list, too. Nothing where one of them is no text: a command without it would be another one. */
function textsIn(value: unknown): string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  const texts = list.map((entry) => (typeof entry === "number" ? String(entry) : entry));
  return texts.every((text) => typeof text === "string") ? texts : undefined;
}

function numbersIn(given: JsonObject, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = given[name];
      return typeof value === "number" ? [[name, value]] : [];
    }),
  );
}

function wordsIn(given: JsonObject, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = given[name];
      return typeof value === "string" && value !== "" ? [[name, value]] : [];
    }),
  );
}
