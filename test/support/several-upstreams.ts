// The web emulator and two servers of the user's own behind one gateway: who is asked, who takes over.

import { type Play, type Routes, serveCompatible } from "./fake-compatible-server.ts";
import { type HarnessOptions, startHarness } from "./harness.ts";

export const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "local", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const usage =
  'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"local","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n';

export const saying = (text: string): Play => ({
  body: `${chunk({ role: "assistant", content: "" })}${chunk({ content: text })}${chunk({}, "stop")}${usage}data: [DONE]\n\n`,
});
export const failing: Play = { status: 500, body: '{"error":{"message":"no GPU","type":"server_error"}}' };
export const modelsRoute = (...ids: string[]) => ({
  "/v1/models": {
    body: JSON.stringify({
      object: "list",
      data: ids.map((id) => ({ id, object: "model", created: 1, owned_by: "vllm" })),
    }),
  },
});
/** The web emulator behind an account, and two servers of the user's own that both offer "local". */
export async function startThree(
  first: readonly Play[],
  second: readonly Play[],
  environment: Readonly<Record<string, string>> = {},
  options: Pick<HarnessOptions, "clock"> & { readonly routes?: Routes; readonly otherRoutes?: Routes } = {},
) {
  const one = serveCompatible(first, { ...modelsRoute("local", "only-one"), ...options.routes });
  const two = serveCompatible(second, { ...modelsRoute("local", "only-two"), ...options.otherRoutes });
  const upstreams = JSON.stringify([
    { name: "one", dialect: "vllm", base_url: one.url },
    { name: "two", dialect: "vllm", base_url: two.url, api_keys: ["sk-two"] },
  ]);
  const harness = await startHarness({ ...options, environment: { UPSTREAMS: upstreams, ...environment } });
  return {
    harness,
    one,
    two,
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    },
  };
}
