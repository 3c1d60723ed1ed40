// Tools that clients run themselves and declare by a type alone, since Anthropic's models know them: what other models have to
// be told of them. Those that see a screen are not among them, their places are counted in another model's pixels.

import type { Json } from "../../contract/json.ts";

/** @see https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview */
export interface KnownTool {
  readonly description: string;
  readonly parameters: Json;
}

const dated = /^(bash|text_editor|memory)_(\d{8})$/;
/** From then on an edit cannot be taken back by the editor. */
const withoutUndo = "20250429";

/** @returns undefined for a type that is not known: its servers run it, or nobody does */
export function knownTool(type: string): KnownTool | undefined {
  const [, kind, date] = dated.exec(type) ?? [];
  if (kind === undefined || date === undefined) return undefined;
  if (kind === "bash") return bash;
  if (kind === "memory") return memory;
  return date < withoutUndo ? editorWithUndo : editor;
}

const text = (description: string) => ({ type: "string", description });
const line = (description: string) => ({ type: "integer", description });

const bash: KnownTool = {
  description:
    "Runs a command in a bash session that lasts: its folder and variables stay from call to call. Give a command, or restart.",
  parameters: {
    type: "object",
    properties: {
      command: text("What to run."),
      restart: { type: "boolean", description: "True begins a new session; then no command." },
    },
  },
};

const files = {
  path: text("Absolute path of the file or folder."),
  view_range: {
    type: "array",
    items: { type: "integer" },
    description:
      "With view: first and last line, from 1; -1 as the last is the end of the file. Without it all is shown.",
  },
  file_text: text("With create: all that the file is to hold."),
  old_str: text("With str_replace: the text to be replaced, to the letter; it must occur exactly once."),
  insert_line: line("With insert: the line behind which the text goes; 0 is the beginning of the file."),
};

function editorOf(...more: readonly string[]): KnownTool {
  const commands = ["view", "create", "str_replace", "insert", ...more];
  return {
    description: `Shows and edits files and folders: ${commands.join(", ")}.`,
    parameters: {
      type: "object",
      properties: {
        command: { type: "string", enum: commands },
        ...files,
        // Clients look for it under one name or the other.
        new_str: text("With str_replace: the text in its place. With insert: the text of insert_text again."),
        insert_text: text("With insert: the text to be inserted."),
      },
      required: ["command", "path"],
    },
  };
}

const editor = editorOf();
const editorWithUndo = editorOf("undo_edit");

const memory: KnownTool = {
  description:
    "Your memory between conversations: text files below /memories. Look there first whether something is known of what you " +
    "are asked to do, and write down what will be needed later. Commands: view, create, str_replace, insert, delete, rename.",
  parameters: {
    type: "object",
    properties: {
      command: { type: "string", enum: ["view", "create", "str_replace", "insert", "delete", "rename"] },
      ...files,
      path: text("With all commands but rename: path of the file or folder, such as /memories/notes.md."),
      new_str: text("With str_replace: the text in its place."),
      insert_text: text("With insert: the text to be inserted."),
      old_path: text("With rename: the path so far."),
      new_path: text("With rename: the path from now on."),
    },
    required: ["command"],
  },
};
