// What a fake server of OpenAI's protocol says when nothing else is asked of it: a list of models, and a short answer.

import type { Play, Routes } from "./fake-compatible-server.ts";

export function modelList(owner: string, ...ids: readonly string[]): Routes {
  const data = ids.map((id) => ({ id, object: "model", created: 1, owned_by: owner }));
  return { "/v1/models": { body: JSON.stringify({ object: "list", data }) } };
}

/** A stream that says this text. */
export function saying(text: string): Play {
  const chunk = (choice: object, rest: object = {}): string => {
    const event = { id: "1", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice], ...rest };
    return `data: ${JSON.stringify(event)}\n\n`;
  };
  const usage = { prompt_tokens: 20, completion_tokens: 1, total_tokens: 21 };
  return {
    body: [
      chunk({ index: 0, delta: { role: "assistant", content: text }, finish_reason: null }),
      chunk({ index: 0, delta: {}, finish_reason: "stop" }, { usage }),
      "data: [DONE]\n\n",
    ].join(""),
  };
}

export const ready = saying("ready");

/** As most servers refuse a key. */
export const wrongKey: Play = {
  status: 401,
  body: JSON.stringify({ error: { message: "Incorrect API key provided.", code: "invalid_api_key" } }),
};
