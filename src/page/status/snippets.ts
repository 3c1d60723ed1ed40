// How a client is pointed at this gateway: addresses and lines to copy. Pure.

export interface Snippet {
  readonly name: string;
  /** What the client calls its base URL. */
  readonly baseUrl: string;
  readonly code: string;
}

export interface SnippetOptions {
  /** The gateway as this browser reaches it, without a slash at its end. */
  readonly base: string;
  readonly wantsKey: boolean;
  readonly model: string;
}

export const keyPlaceholder = "YOUR_KEY";
/** Clients want some word there; without keys the gateway does not look at it. */
const noKey = "none";

export function snippetsFor({ base, wantsKey, model }: SnippetOptions): Snippet[] {
  const key = wantsKey ? keyPlaceholder : noKey;
  const keyLine = wantsKey ? ` -H 'authorization: Bearer ${key}'` : "";
  return [
    {
      name: "OpenAI SDK",
      baseUrl: `${base}/v1`,
      code: [
        "from openai import OpenAI",
        `client = OpenAI(base_url="${base}/v1", api_key="${key}")`,
        `print(client.responses.create(model="${model}", input="Hello").output_text)`,
      ].join("\n"),
    },
    {
      name: "Anthropic SDK",
      baseUrl: base,
      code: [
        "from anthropic import Anthropic",
        `client = Anthropic(base_url="${base}", auth_token="${key}")`,
        `print(client.messages.create(model="${model}", max_tokens=500, messages=[{"role": "user", "content": "Hello"}]).content[0].text)`,
      ].join("\n"),
    },
    {
      name: "Claude Code",
      baseUrl: base,
      code: [
        `export ANTHROPIC_BASE_URL='${base}'`,
        `export ANTHROPIC_AUTH_TOKEN='${key}'`,
        `ANTHROPIC_MODEL='${model}' claude`,
      ].join("\n"),
    },
    {
      name: "curl",
      baseUrl: `${base}/v1`,
      code: [
        `curl -N '${base}/v1/chat/completions'${keyLine} \\`,
        "  -H 'content-type: application/json' \\",
        `  -d '{"model":"${model}","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
      ].join("\n"),
    },
  ];
}

/** @param pageAddress where this page is; the gateway stands where it does */
export function baseOf(pageAddress: string): string {
  const { href } = new URL(".", pageAddress);
  // The one character that a URL may hold and a quoted word of a shell may not.
  return href.replace(/\/$/, "").replaceAll("'", "%27");
}
