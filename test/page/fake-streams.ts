// The answers of the fake gateway: plays a script step by step, keeps its frames, and gives them to any reader from any
// event on. Connections break when a test says so.

export type Fields = Record<string, unknown>;

/** One step of an answer: an event, a wait, a gate that the test opens, a connection that breaks off. */
export type Step = Fields | { readonly waitMs: number } | { readonly gate: string } | { readonly drop: true };

export interface StoredMessage extends Fields {
  readonly id: string;
  readonly parent_id: string | null;
  role: string;
  content: string;
  status: string;
}

export interface FakeStreams {
  /** Plays the steps into the message, from now on. */
  start(id: string, message: StoredMessage, steps: readonly Step[]): void;
  /** The frames behind the event `from`, and those that are still to come; undefined: no such stream. */
  read(id: string, from: number): Response | undefined;
  /** Whether it was running; undefined: no such stream. */
  stop(id: string): boolean | undefined;
  openGate(name: string): void;
  /** Resolves when it is open. */
  passGate(name: string): Promise<void>;
  dropReaders(): void;
}

interface Running {
  readonly frames: string[];
  readonly message: StoredMessage;
  isOver: boolean;
  isStopped: boolean;
  /** Readers that wait for what comes. */
  readonly waiting: Set<() => void>;
}

export function createFakeStreams(): FakeStreams {
  const streams = new Map<string, Running>();
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const cutters = new Set<() => void>();

  function gateOf(name: string): PromiseWithResolvers<void> {
    const gate = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, gate);
    return gate;
  }

  function dropReaders(): void {
    for (const cut of [...cutters]) cut();
  }

  async function play(running: Running, steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (running.isStopped) break;
      if ("waitMs" in step) await Bun.sleep(Number(step.waitMs));
      else if ("gate" in step) await gateOf(String(step.gate)).promise;
      else if ("drop" in step) dropReaders();
      else {
        record(running.message, step);
        push(running, JSON.stringify(step));
        if (!("error" in step)) continue;
        running.message.status = "failed";
        return end(running);
      }
    }
    running.message.status = running.isStopped ? "stopped" : "complete";
    push(running, "[DONE]");
    end(running);
  }

  function read(id: string, from: number): Response | undefined {
    const running = streams.get(id);
    if (running === undefined) return undefined;
    const encoder = new TextEncoder();
    let at = from;
    let leave = () => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const wake = () => {
          if (at < running.frames.length) controller.enqueue(encoder.encode(running.frames.slice(at).join("")));
          at = running.frames.length;
          if (!running.isOver) return;
          leave();
          controller.close();
        };
        const cut = () => {
          leave();
          controller.error(new Error("The network is gone"));
        };
        leave = () => {
          running.waiting.delete(wake);
          cutters.delete(cut);
        };
        running.waiting.add(wake);
        cutters.add(cut);
        // The head goes out with the first byte.
        controller.enqueue(encoder.encode(": here\n\n"));
        wake();
      },
      cancel: () => leave(),
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-cache", "x-stream-id": id },
    });
  }

  return {
    start(id, message, steps) {
      const running: Running = { frames: [], message, isOver: false, isStopped: false, waiting: new Set() };
      streams.set(id, running);
      void play(running, steps);
    },
    read,
    stop(id) {
      const running = streams.get(id);
      if (running !== undefined) running.isStopped = true;
      return running === undefined ? undefined : !running.isOver;
    },
    openGate: (name) => gateOf(name).resolve(),
    passGate: (name) => gateOf(name).promise,
    dropReaders,
  };
}

function push(running: Running, data: string): void {
  running.frames.push(`id: ${running.frames.length + 1}\ndata: ${data}\n\n`);
  for (const wake of running.waiting) wake();
}

function end(running: Running): void {
  running.isOver = true;
  for (const wake of running.waiting) wake();
}

/** What the session tells of the message afterwards. */
function record(message: StoredMessage, event: Fields): void {
  if (typeof event["token"] === "string") message.content += event["token"];
  if (typeof event["reasoning"] === "string")
    message["reasoning"] = `${message["reasoning"] ?? ""}${event["reasoning"]}`;
  if (typeof event["stage"] === "string")
    message["stages"] = [...((message["stages"] ?? []) as string[]), event["stage"]];
  for (const key of ["sources", "quality_score", "follow_up_questions", "error"]) {
    if (key in event) message[key] = event[key];
  }
  const { finish_reason: finishReason } = (event["metadata"] ?? {}) as Fields;
  if (finishReason !== undefined && finishReason !== "stop") message["finish_reason"] = finishReason;
}
