// The least that each surface takes, with one text of the client's in it.

export const surfaceBodies: Readonly<Record<string, (text: string) => Record<string, unknown>>> = {
  "/v1/chat/completions": (text) => ({ model: "qwen3-max", messages: [{ role: "user", content: text }] }),
  "/v1/messages": (text) => ({ model: "qwen3-max", max_tokens: 100, messages: [{ role: "user", content: text }] }),
  "/v1/responses": (text) => ({ model: "qwen3-max", input: text }),
  "/v1/completions": (text) => ({ model: "qwen3-max", prompt: text }),
  "/api/chat/stream": (text) => ({ message: text }),
};

/** Far beyond what a megabyte takes, far below what a quadratic search of it would. */
export const longestMs = 6000;
