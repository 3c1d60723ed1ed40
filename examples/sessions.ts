// A thin client: it sends only its newest message and names its session; the gateway knows the rest. Then it looks at
// the session. Plain fetch, no library. Start a gateway first, then: bun examples/sessions.ts

const baseUrl = process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8787/v1";
const headers = { "content-type": "application/json", authorization: `Bearer ${process.env["API_KEY"] ?? "none"}` };
const sessionId = `example-${crypto.randomUUID()}`;

interface Completion {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}

interface Session {
  readonly sessionId: string;
  readonly messageCount: number;
  readonly parentId: string | null;
}

async function say(content: string): Promise<void> {
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({ session_id: sessionId, messages: [{ role: "user", content }] }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const completion = (await response.json()) as Completion;
  console.log(`> ${content}\n${completion.choices[0]?.message.content}\n`);
}

await say("My dog is called Bruno.");
await say("What is my dog called?");

const session = (await (await fetch(`${baseUrl}/sessions/${sessionId}`, { headers })).json()) as Session;
console.log(
  `Session ${session.sessionId}: ${session.messageCount} answers, the next turn continues ${session.parentId}`,
);

await fetch(`${baseUrl}/sessions/${sessionId}`, { method: "DELETE", headers });
