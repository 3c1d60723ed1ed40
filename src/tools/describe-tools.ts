// The declared tools as a section of a prompt, for a chat that has no field for them. The same tools in the same order
// give the same bytes. When they have to be told again is conversation/tool-knowledge.ts.

import { stringifyExact } from "../contract/exact-json.ts";
import type { ToolChoice, ToolDefinition } from "../contract/chat-request.ts";

/**
 * What the model has to be told: which tools there are, how to call them, and what this turn wants of it.
 * @returns "" when there is nothing to tell
 */
export function describeTools(tools: readonly ToolDefinition[], toolChoice: ToolChoice | undefined): string {
  if (tools.length === 0) return "";
  return [describeSchemas(tools), describeToolChoice(toolChoice)].filter((part) => part !== "").join("\n\n");
}

/** What this turn wants, in one sentence; "" when the model is free. Enough where the tools are known already. */
export function describeToolChoice(toolChoice: ToolChoice | undefined): string {
  if (toolChoice === undefined || toolChoice === "auto") return "";
  if (toolChoice === "none") return "Do not call a tool this time: answer in words.";
  if (toolChoice === "required") return "This time you must call at least one tool, and answer with nothing else.";
  return `This time you must call the tool ${JSON.stringify(toolChoice.toolName)}, and answer with nothing else.`;
}

function describeSchemas(tools: readonly ToolDefinition[]): string {
  return `# Tools

You may call these tools. Each line is one of them, its parameters as a JSON schema:
<tools>
${tools.map(describeTool).join("\n")}
</tools>

To call tools, end your answer with one block for each call, exactly in this form, and write nothing behind the last:
<tool_call>
{"name": "the tool's name", "arguments": {"parameter": "value"}}
</tool_call>
The block holds valid JSON and stands in no code block. Independent calls go into one answer. The results will come as <tool_response> blocks, in the order of the calls: never write these yourself.`;
}

function describeTool({ name, description, parameters }: ToolDefinition): string {
  const text = stringifyExact({ name, ...(description === undefined ? {} : { description }), parameters });
  // A description cannot end the list.
  return text.replaceAll("</", "<\\/");
}
