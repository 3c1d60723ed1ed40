// One of each thing that has an address, made over HTTP: so that the paths of the OpenAPI document lead somewhere.

import { expect } from "bun:test";

/** By the path up to its parameter. */
export type ThingIds = Readonly<Record<string, string>>;

export interface ThingMaker {
  readonly url: string;
  /** Sent with each request, such as a key. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of those, for what administrators make. @defaultValue the same */
  readonly adminHeaders?: Readonly<Record<string, string>>;
}

/** The account that is made, as it is told to others: tests take it away again. */
const madeAccount = { credentials: "token=of-the-test-0001", alias: "test" } as const;

export async function makeThings({ url, headers = {}, adminHeaders = headers }: ThingMaker): Promise<ThingIds> {
  const send = async (path: string, body: object, more: Readonly<Record<string, string>> = {}): Promise<Response> => {
    const isForm = body instanceof FormData;
    const own = path.startsWith("/admin/") ? adminHeaders : headers;
    const type = isForm ? {} : { "content-type": "application/json" };
    const made = await fetch(url + path, {
      method: "POST",
      headers: { ...own, ...type, ...more },
      body: isForm ? body : JSON.stringify(body),
    });
    expect([path, made.status]).toEqual([path, 200]);
    return made;
  };
  const idOf = async (path: string, body: object): Promise<string> => {
    // Of each of them.
    const { id, data, account, prefix } = (await (await send(path, body)).json()) as {
      id?: string;
      data?: { id: string }[];
      account?: { id: string };
      prefix?: string;
    };
    return id ?? data?.[0]?.id ?? account?.id ?? prefix ?? "";
  };
  const read = async (path: string, more: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await fetch(url + path, { headers: { ...headers, ...more } })).text();

  const session = "session-of-the-test";
  const hello = { model: "qwen3-max", messages: [{ role: "user", content: "Hello" }] };
  for (const name of [session, "admins-session"])
    await (await send("/v1/chat/completions", hello, { "x-session-id": name })).text();
  const typed = { message: "Hello", session_id: "chat-of-the-test", resumable: true };
  const answer = await send("/api/chat/stream", typed);
  await answer.text();
  const conversation = await idOf("/v1/conversations", {});
  const item = { type: "message", role: "user", content: "Hello" };
  const kept = JSON.parse(await read("/v1/history")) as { readonly data: readonly { readonly id: string }[] };
  const keyName = `key-${crypto.randomUUID().slice(0, 8)}`;
  await idOf("/admin/api/keys", { name: keyName });
  return {
    "/v1/models/": "qwen3-max",
    "/v1/responses/": await idOf("/v1/responses", { model: "qwen3-max", input: "Hello" }),
    "/v1/conversations/": conversation,
    [`/v1/conversations/${conversation}/items/`]: await idOf(`/v1/conversations/${conversation}/items`, {
      items: [item],
    }),
    "/v1/files/": await idOf("/v1/files", formOfFile()),
    "/v1/sessions/": session,
    "/v1/history/": kept.data[0]?.id ?? "",
    "/api/chat/stream/": answer.headers.get("x-stream-id") ?? "",
    "/api/chat/sessions/": "chat-of-the-test",
    "/api/documents/": await idOf("/api/documents", { name: "a.txt", text: "Something to be found" }),
    "/chat/assets/": /assets\/([\w.-]+)/.exec(await read("/chat"))?.[1] ?? "",
    "/status/assets/": /assets\/([\w.-]+)/.exec(await read("/", { accept: "text/html" }))?.[1] ?? "",
    "/admin/api/upstreams/": "qwen-web",
    "/admin/api/accounts/": await idOf("/admin/api/accounts", madeAccount),
    "/admin/api/sessions/": "admins-session",
    "/admin/api/captures/": "a-session",
    "/admin/api/history/": kept.data[1]?.id ?? "",
    "/admin/api/keys/": keyName,
  };
}

export function formOfFile(): FormData {
  const fields = new FormData();
  fields.set("purpose", "user_data");
  fields.set("file", new File(["Hello"], "hello.txt"));
  return fields;
}
