// The agent of the fake gateway: answers by docs/protocol-agent.md what a test has written down.

import type { Fields } from "./fake-streams.ts";

/** One step of a run: an event by its type (`done` and `error` included), or a gate that the test opens. */
export type AgentStep =
  | { readonly progress: string; readonly message: string }
  | { readonly error: string; readonly message: string }
  | { readonly done: Fields }
  | { readonly gate: string }
  | { readonly drop: true };

export interface FakeAgent {
  /** What is wanted of whoever acts. */
  access: "open" | "token" | "off";
  services: readonly Fields[];
  examples: readonly string[];
  /** What a query or a confirmation tells; asked anew for each. */
  script: (body: Fields) => readonly AgentStep[];
  /** Status and message of the next stream, instead of one. */
  refusal: { readonly status: number; readonly message: string } | undefined;
  /** Bodies of queries, confirmations and cancellations, in order. */
  readonly asked: readonly Fields[];
  /** Undefined: it is no request about the agent. */
  answer(request: Request, path: string): Promise<Response> | undefined;
}

export const agentToken = "token-of-the-agent";

/** As src/server/auth/acting-caller.ts says it. */
const refusals = {
  off:
    "Cannot serve this request without a key: set API_KEY, or AGENT_OPEN=true on a loopback address; " +
    "a gateway with tool servers also makes a token of its own",
  token: 'Cannot serve this request without the token of the agent: send it as "Authorization: Bearer <token>"',
  refused: "Cannot serve this request: it is not the token of the agent",
};

const command = (name: string, risk: string, description = "") => ({ name, risk, description });

export const calendar = {
  name: "calendar",
  state: "ready",
  transport: "stdio",
  tools: 3,
  commands: [
    command("list_events", "read", "Lists what is in the calendar."),
    command("create_event", "write", "Puts an event into the calendar."),
    command("delete_event", "destructive", "Takes an event out of the calendar, for good."),
  ],
};

export function createFakeAgent(gate: (name: string) => Promise<void>): FakeAgent {
  const asked: Fields[] = [];
  /** Runs that are at work, by their sessions. */
  const stops = new Map<string, () => void>();

  function refuse(status: number, message: string): Response {
    return Response.json({ message, error: { message, code: null } }, { status });
  }

  function checkToken(request: Request): Response | undefined {
    if (self.access === "open") return undefined;
    const given = request.headers.get("authorization");
    if (self.access === "off") return refuse(401, refusals.off);
    if (given === `Bearer ${agentToken}`) return undefined;
    return refuse(401, given === null ? refusals.token : refusals.refused);
  }

  function stream(body: Fields): Response {
    const sessionId = String(body["session_id"] ?? "session-of-the-question");
    const encoder = new TextEncoder();
    let timestamp = Date.now();
    const text = new ReadableStream<Uint8Array>({
      async start(controller) {
        let isStopped = false;
        const stopping = new Promise<void>((resolve) => {
          stops.set(sessionId, () => {
            isStopped = true;
            resolve();
          });
        });
        const send = (event: string, data: object) =>
          controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
        const done = (fields: Fields) =>
          send("done", { success: true, totalExecutionTime: 40, results: [], session_id: sessionId, ...fields });
        controller.enqueue(encoder.encode(": here\n\n"));
        for (const step of self.script(body)) {
          timestamp += 10;
          if ("gate" in step) await Promise.race([gate(step.gate), stopping]);
          if (isStopped) {
            send("error", { type: "error", code: "cancelled", message: "The run was stopped, as asked", timestamp });
            done({ success: false });
            break;
          }
          if ("drop" in step) return controller.error(new Error("The network is gone"));
          if ("progress" in step) send("progress", { type: step.progress, message: step.message, timestamp });
          else if ("error" in step)
            send("error", { type: "error", code: step.error, message: step.message, timestamp });
          else if ("done" in step) done(step.done);
        }
        stops.delete(sessionId);
        controller.close();
      },
    });
    return new Response(text, { headers: { "content-type": "text/event-stream", "cache-control": "no-cache" } });
  }

  async function act(request: Request, path: string): Promise<Response> {
    const refused = checkToken(request);
    if (refused !== undefined) return refused;
    if (path === "/api/agent/capabilities") return Response.json({ services: self.services });
    if (path === "/api/agent/examples") return Response.json({ examples: self.examples });
    const body = (await request.json()) as Fields;
    asked.push(body);
    if (path === "/api/agent/cancel") {
      stops.get(String(body["session_id"]))?.();
      return Response.json({ session_id: body["session_id"], cancelled: true });
    }
    if (self.refusal === undefined) return stream(body);
    const { status, message } = self.refusal;
    self.refusal = undefined;
    return refuse(status, message);
  }

  const self: FakeAgent = {
    access: "open",
    services: [calendar],
    examples: ['Create event with title "Team lunch"', "List events"],
    script: () => [{ progress: "analyzing", message: "Analyzing your request..." }, { done: { answer: "Done." } }],
    refusal: undefined,
    asked,
    answer: (request, path) => (path.startsWith("/api/agent") ? act(request, path) : undefined),
  };
  return self;
}
