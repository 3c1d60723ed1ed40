// The tools that a request declares, looked up by what a model or a server wrote for a name.

import type { ToolDefinition } from "../contract/chat-request.ts";

export interface NamedTool {
  readonly tool: ToolDefinition;
  /** The name was not written exactly as declared. */
  readonly isRepaired: boolean;
}

export interface DeclaredTools {
  readonly size: number;
  find(name: string): NamedTool | undefined;
}

export function declareTools(tools: readonly ToolDefinition[]): DeclaredTools {
  const byName = new Map(tools.map((tool) => [tool.name, tool] as const));
  return {
    size: byName.size,
    find(name) {
      const exact = byName.get(name);
      if (exact !== undefined) return { tool: exact, isRepaired: false };
      const trimmed = name.trim().replace(/^(["'`])(.*)\1$/s, "$2");
      const tool = byName.get(trimmed) ?? byName.get(halfOf(trimmed));
      return tool === undefined ? undefined : { tool, isRepaired: true };
    },
  };
}

/** Streams that repeat the name in every piece make `readread` of `read`; "" for any other text. */
function halfOf(name: string): string {
  const half = name.slice(0, name.length / 2);
  return name.length % 2 === 0 && half + half === name ? half : "";
}
