// What the page asks of the agent: what it can do, runs as events, decisions, stopping. Nothing here is tried twice by
// itself: what acts might act twice.

import { connectSSE, SSEError } from "../../client/client.ts";
import { parseExamples, parseRunResult, parseServices } from "../agent/parse-agent.ts";
import { lostCode, type RunEvent } from "../agent/run.ts";
import type { Service } from "../agent/services.ts";
import type { Memory } from "../memory.ts";
import { keyHeaders, refusalOf, RequestError, unreachable } from "./api.ts";

export interface RunQuery {
  readonly query: string;
  readonly sessionId: string;
}

export interface Answered {
  readonly confirmationId: string;
  readonly decision: "approve" | "reject";
  /** Instead of those that were asked about. */
  readonly changed: Readonly<Record<string, unknown>> | undefined;
}

export interface RunReading {
  readonly signal: AbortSignal;
  onEvent(event: RunEvent): void;
}

export interface AgentApi {
  /** Connects to the services that are not yet. */
  listServices(): Promise<readonly Service[]>;
  listExamples(): Promise<readonly string[]>;
  /** Resolves behind the last event, also of a run that failed. @throws {RequestError} it was not begun, or nobody knows */
  run(query: RunQuery, reading: RunReading): Promise<void>;
  /** As `run`. @throws {RequestError} also when the gateway does not take the answer: then nothing was done */
  confirm(answered: Answered, reading: RunReading): Promise<void>;
  /** Ends what runs in a session. What cannot be reached ends when nobody reads it. */
  cancel(sessionId: string): Promise<void>;
}

/** Longest wait for a list, in milliseconds: services that begin with a download take their time. */
const timeoutMs = 60_000;
const cancelTimeoutMs = 5000;
const slow = "The services have not answered within a minute. They may still be starting: look again in a moment.";

export function createAgentApi(memory: Pick<Memory, "readKey" | "readAgentToken">): AgentApi {
  async function list(path: string): Promise<unknown> {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(path, { headers: actingHeaders(memory), signal }).catch((error: unknown) => {
      throw new RequestError(signal.aborted ? slow : unreachable, 0, error);
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw new RequestError(refusalOf(body, response.status), response.status);
    return body;
  }

  async function read(path: string, body: object, { signal, onEvent }: RunReading): Promise<void> {
    let isBegun = false;
    try {
      await connectSSE(
        path,
        body,
        {
          onEvent() {
            isBegun = true;
          },
          onProgress: ({ type, message, timestamp }) =>
            onEvent({ type: "progress", kind: type, message, atMs: timestamp }),
          onError({ code, serverCode, message }) {
            if (code === "server") onEvent({ type: "trouble", trouble: { code: serverCode ?? "", message } });
          },
          onDone: (result) => onEvent({ type: "done", result: parseRunResult(result) }),
        },
        signal,
        { headers: actingHeaders(memory) },
      );
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SSEError)) throw error;
      if (error.status !== undefined) throw new RequestError(error.message, error.status, error);
      if (error.code === "network" && !isBegun) throw new RequestError(unreachable, 0, error);
      if (error.code !== "server") onEvent({ type: "trouble", trouble: troubleOf(error) });
    }
  }

  return {
    listServices: async () => parseServices(await list("api/agent/capabilities")),
    listExamples: async () => parseExamples(await list("api/agent/examples")),
    run: ({ query, sessionId }, reading) => read("api/agent/stream", { query, session_id: sessionId }, reading),
    confirm: ({ confirmationId, decision, changed }, reading) =>
      read(
        "api/agent/confirm",
        {
          confirmation_id: confirmationId,
          decision,
          ...(changed === undefined ? {} : { arguments: changed }),
        },
        reading,
      ),
    async cancel(sessionId) {
      await fetch("api/agent/cancel", {
        method: "POST",
        headers: { "content-type": "application/json", ...actingHeaders(memory) },
        body: JSON.stringify({ session_id: sessionId }),
        signal: AbortSignal.timeout(cancelTimeoutMs),
      }).catch(() => {});
    },
  };
}

/** The agent's token counts where there are no keys, and a key where there are: the gateway takes whichever it knows. */
function actingHeaders({
  readKey,
  readAgentToken,
}: Pick<Memory, "readKey" | "readAgentToken">): Record<string, string> {
  const [key, token] = [readKey(), readAgentToken()];
  if (token === undefined) return keyHeaders(key);
  return { ...keyHeaders(token), ...(key === undefined ? {} : { "x-api-key": key }) };
}

function troubleOf({ code, message }: SSEError) {
  if (code === "network") return { code: lostCode, message: "The connection to the gateway was lost." };
  if (code === "timeout") return { code: "silent", message: "Nothing has come from the gateway for a minute." };
  return { code: "", message };
}
