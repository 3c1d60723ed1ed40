// An answer of words alone for agents of the old Roo Code protocol (Roo Code, Cline), which take it for an error: they want
// it as a call of theirs, `<attempt_completion>`. An answer that holds one of their calls stays as it is.

import { EventFilter } from "../../contract/event-filter.ts";
import type { UpstreamEvent } from "../../contract/events.ts";
import type { UpstreamReply } from "../../contract/upstream.ts";

/** The calls of both agents, as their prompts tell them (Roo Code 3.x, Cline 3.x, 2025 to 2026). */
const toolNames = [
  "access_mcp_resource",
  "apply_diff",
  "ask_followup_question",
  "attempt_completion",
  "browser_action",
  "codebase_search",
  "condense",
  "edit_file",
  "execute_command",
  "fetch_instructions",
  "generate_image",
  "insert_content",
  "list_code_definition_names",
  "list_files",
  "load_mcp_documentation",
  "new_rule",
  "new_task",
  "plan_mode_respond",
  "read_file",
  "replace_in_file",
  "report_bug",
  "run_slash_command",
  "search_and_replace",
  "search_files",
  "switch_mode",
  "update_todo_list",
  "use_mcp_tool",
  "web_fetch",
  "write_to_file",
] as const;

const toolTag = new RegExp(`<(?:${toolNames.join("|")})>`);
/** Of the text, so much may be the beginning of a tag. */
const longestTag = Math.max(...toolNames.map((name) => name.length + 2));

/** They would end the result, or look like one. */
const ownTags = /<(\/?(?:result|attempt_completion))>/g;

const opening = "<attempt_completion>\n<result>\n";
const closing = "\n</result>\n</attempt_completion>";

/** Longer answers hold no call any more: from there on the wrapped answer goes out as it comes. UTF-16 units. */
const maxHeldChars = 4_194_304;

export function wrapAnswer(reply: UpstreamReply): UpstreamReply {
  // Nothing in it may be changed.
  if (reply.passThrough !== undefined) return reply;
  const { account, model, body } = reply;
  const decoder = new WrappingDecoder(reply.decoder);
  // Not `recover`: what is held back has not been said.
  return { account, model, body, decoder, onEnd: (ending, error) => reply.onEnd(ending, error) };
}

class WrappingDecoder extends EventFilter {
  /** `untouched`: it holds a call. `wrapping`: it is too long to hold one. */
  #state: "held" | "untouched" | "wrapping" = "held";
  #pieces: string[] = [];
  #chars = 0;
  /** The end of what was searched, as long as a tag may have begun in it. */
  #tail = "";

  protected get heldChars(): number {
    return this.#chars;
  }

  protected accept(event: UpstreamEvent): void {
    switch (event.type) {
      case "text-delta":
        if (this.#state !== "untouched") return this.#read(event.text.text);
        break;
      case "tool-call-start":
      case "reply-error":
        this.#letThrough();
        break;
      case "stop-sequence":
      case "reply-end":
        this.#close();
        break;
      default:
        break;
    }
    this.say(event);
  }

  #read(text: string): void {
    if (this.#state === "wrapping") return this.#say(this.#tail + text);
    this.#pieces.push(text);
    this.#chars += text.length;
    const searched = this.#tail + text;
    this.#tail = searched.slice(-longestTag);
    if (toolTag.test(searched)) this.#letThrough();
    else if (this.#chars > maxHeldChars) this.#beginWrapping();
  }

  /** As it came: also what broke off, which is no answer. */
  #letThrough(): void {
    if (this.#state === "held") for (const piece of this.#takePieces()) this.sayText(piece);
    this.#state = "untouched";
  }

  #beginWrapping(): void {
    const text = this.#takePieces().join("");
    this.#tail = "";
    this.#state = "wrapping";
    this.sayText(opening);
    this.#say(text.trimStart());
  }

  #close(): void {
    const text = this.#takePieces().join("").trim();
    if (this.#state === "wrapping") {
      this.sayText(this.#tail + closing);
    } else if (this.#state === "held" && text !== "") this.sayText(opening + withoutOwnTags(text) + closing);
    this.#state = "untouched";
  }

  /** A tag of the wrapping itself may be cut in two. */
  #say(text: string): void {
    const start = text.lastIndexOf("<");
    const isOpen = start >= 0 && text.length - start < longestTag && !text.includes(">", start);
    this.#tail = isOpen ? text.slice(start) : "";
    this.sayText(withoutOwnTags(isOpen ? text.slice(0, start) : text));
  }

  #takePieces(): string[] {
    this.#chars = 0;
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}

function withoutOwnTags(text: string): string {
  return text.replaceAll(ownTags, "&lt;$1&gt;");
}
