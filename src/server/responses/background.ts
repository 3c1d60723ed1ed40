// Answers that nobody waits for: they are asked for as by a client that reads a whole answer, and looked at when it pleases.
// One that its process did not live to end has failed.

import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import type { FoundResponse } from "../../store/response-store.ts";
import type { StopWishes } from "../../store/stop-wishes.ts";
import type { Log } from "../../telemetry/log.ts";

export interface BackgroundJob {
  readonly id: string;
  /** The response as it has been told. */
  readonly begun: JsonObject;
  /** @param onAdmitted called when it runs */
  ask(signal: AbortSignal, onAdmitted: () => void): Promise<BackgroundAnswer>;
  /** Writes what it has become. */
  end(response: JsonObject): Promise<void>;
}

export interface BackgroundAnswer {
  readonly answer: Response;
  /** The response that it stands for, if it is one. */
  readonly ended: JsonObject | undefined;
}

export interface BackgroundResponses {
  /** @returns undefined when it runs; the answer where it was refused before */
  start(job: BackgroundJob): Promise<Response | undefined>;
  /** One that tells its end itself. @param done resolves with it */
  follow(id: string, done: Promise<void>, cancel: () => Promise<void>): void;
  /** Resolves when it is written; at once when it does not run here. */
  cancel(id: string): Promise<void>;
  /** The same as others wish it: nobody here waits for what comes of it. Never rejects. */
  stop(id: string): Promise<void>;
  /** As it is told: what runs nowhere any more has failed. */
  asTold(found: FoundResponse): JsonObject;
  /** Resolves when none runs. */
  settled(): Promise<void>;
}

interface Running {
  readonly done: Promise<void>;
  cancel(): void | Promise<void>;
}

/** @param openWishes of stops, by other gateways; undefined where there are none */
export function createBackgroundResponses(
  log: Log,
  openWishes: () => Promise<StopWishes | undefined>,
): BackgroundResponses {
  const running = new Map<string, Running>();

  async function run(
    { begun, end }: BackgroundJob,
    asked: Promise<BackgroundAnswer>,
    signal: AbortSignal,
  ): Promise<void> {
    const { answer, ended } = await asked;
    if (signal.aborted && ended === undefined) return end({ ...begun, status: "cancelled" });
    if (ended === undefined) return end(failed(begun, await errorIn(answer)));
    await end({ ...ended, created_at: begun["created_at"] });
  }

  function follow(id: string, work: Promise<void>, cancel: Running["cancel"]): void {
    const done = work
      .catch((error: unknown) => log.error("Cannot keep a response", { responseId: id }, error))
      .finally(() => void running.delete(id));
    running.set(id, { done, cancel });
    void watch(id, done).catch((error: unknown) =>
      log.warn("This response cannot be cancelled at other gateways", { responseId: id, reason: String(error) }),
    );
  }

  async function watch(id: string, done: Promise<void>): Promise<void> {
    const end = (await openWishes())?.watch(id, () => void stop(id));
    await done;
    end?.();
  }

  async function cancel(id: string): Promise<void> {
    const job = running.get(id);
    await job?.cancel();
    await job?.done;
  }

  async function stop(id: string): Promise<void> {
    try {
      await cancel(id);
    } catch (error) {
      log.error("Cannot cancel a response", { responseId: id }, error);
    }
  }

  return {
    async start(job) {
      const controller = new AbortController();
      const { promise: admitted, resolve } = Promise.withResolvers<undefined>();
      const asked = job.ask(controller.signal, () => resolve(undefined));
      const refused = await Promise.race([admitted, asked]);
      if (refused !== undefined) return refused.answer;
      follow(job.id, run(job, asked, controller.signal), () => controller.abort());
      return undefined;
    },
    follow,
    cancel,
    stop,
    asTold({ id, response, runsElsewhere }) {
      const mayRun = running.has(id) || runsElsewhere !== undefined;
      if (response["status"] !== "in_progress" || mayRun) return response;
      return failed(response, { code: "internal", message: "The gateway was stopped during this answer: ask again" });
    },
    async settled() {
      await Promise.all(Array.from(running.values(), ({ done }) => done));
    },
  };
}

function failed(begun: JsonObject, error: JsonObject): JsonObject {
  return { ...begun, status: "failed", error };
}

/** Of an error answer, which nobody else has seen. */
async function errorIn(answer: Response): Promise<JsonObject> {
  const body: unknown = await answer.json();
  const error = isJsonObject(body) && isJsonObject(body["error"]) ? body["error"] : {};
  return { code: error["code"] ?? "internal", message: error["message"] ?? "" };
}
