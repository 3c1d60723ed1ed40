// Answers that are kept before they are asked for (`background`): whoever is told the id of one can read it, and its stream
// goes on when its client has gone. What the gateway itself refuses is told at once, and not kept.

import type { ChatRequest } from "../../contract/chat-request.ts";
import type { Clock } from "../../contract/clock.ts";
import { orderedId } from "../../contract/random-id.ts";
import type { JsonObject } from "../../contract/json.ts";
import type { IncomingExchange } from "../../gateway/exchange-request.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { Replays } from "../../replay/replays.ts";
import { echoOf, type ResponseObject, responseObject } from "../../surfaces/openai-responses/response-object.ts";
import { holdEnd } from "../hold-end.ts";
import type { BackgroundResponses } from "./background.ts";
import { exactAnswer } from "./exact-answer.ts";
import type { Forgetting } from "./forgetting.ts";
import { type KeptResponses, newResponse } from "./kept-responses.ts";
import type { ReadRequest } from "./read-request.ts";
import { readToTheEnd, replaySource } from "./replayed-stream.ts";
import { surfaceFor } from "./surface-for.ts";

export interface AnswerLaterOptions {
  readonly gateway: Pick<Gateway, "exchange">;
  readonly kept: KeptResponses;
  readonly forgetting: Forgetting;
  readonly background: BackgroundResponses;
  openReplays(): Promise<Replays>;
  readonly keptWithinMs: number | undefined;
  readonly defaultModel: string;
  readonly clock: Clock;
}

export type AnswerLater = (incoming: IncomingExchange, request: ChatRequest, read: ReadRequest) => Promise<Response>;

export function createAnswerLater(options: AnswerLaterOptions): AnswerLater {
  const { gateway, kept, forgetting, background, openReplays } = options;

  async function begin(caller: string, request: ChatRequest, { body, known, shared }: ReadRequest) {
    const store = await kept.openStore();
    const model = request.model ?? options.defaultModel;
    const identity = { replyId: orderedId(), model, createdAtMs: options.clock() };
    const begun = responseObject(echoOf(request), identity, { status: "in_progress" }, []);
    const response = newResponse(body, known, begun, shared);
    await kept.write(store, caller, body, response);
    const { id } = response;
    const end = async (ended: JsonObject): Promise<void> => {
      await Promise.all([kept.noteEnd(caller, body, known, ended), store.change(caller, id, ended)]);
    };
    return { id, begun, store, end, replyId: identity.replyId };
  }

  async function wholeLater(incoming: IncomingExchange, request: ChatRequest, read: ReadRequest): Promise<Response> {
    const { body, known } = read;
    const { caller } = incoming;
    const { id, begun, store, end, replyId } = await begin(caller, request, read);
    const refused = await background.start({
      id,
      begun,
      async ask(signal, onAdmitted) {
        let ended: ResponseObject | undefined;
        const onEnd = (response: ResponseObject): void => {
          ended = response;
        };
        const asking = { ...incoming, parsed: body, signal, replyId, onAbandoned: undefined, toSocket: false };
        const answer = await gateway.exchange(surfaceFor(known, { onEnd }), { ...asking, onAdmitted });
        await forgetting.linkSession(caller, id, answer, read.moment);
        return { answer, ended };
      },
      end,
    });
    if (refused === undefined) return exactAnswer(begun);
    await store.forget(caller, id);
    return refused;
  }

  /** Told as it comes, and on when its client has gone. What fails before the first word is the answer, and not kept. */
  async function streamLater(incoming: IncomingExchange, request: ChatRequest, read: ReadRequest): Promise<Response> {
    const { caller, onAbandoned } = incoming;
    const { body, known } = read;
    const { id, begun, store, end, replyId } = await begin(caller, request, read);
    let writing: Promise<void> | undefined;
    const onEnd = (response: ResponseObject): void => {
      writing = end(response).catch((error: unknown) => kept.tellUnkept(id, error));
    };
    const { signal } = new AbortController();
    const asking = { ...incoming, parsed: body, signal, replyId, onAbandoned: undefined, toSocket: false };
    const exchanged = await gateway.exchange(surfaceFor(known, { onEnd, hasIds: true }), asking);
    const answer = await holdEnd(exchanged, () => writing, options.keptWithinMs);
    if (answer.status !== 200) await store.forget(caller, id);
    const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (answer.body === null || !isStream) return answer;
    const replays = await openReplays();
    const stream = replays.start(caller, id, replaySource(answer.body), { resumable: true, onCut: onAbandoned });
    // A reader that never leaves: else it would end soon after its client has left.
    const done = readToTheEnd(await replays.open(caller, id, 0));
    background.follow(id, done, async () => {
      if (await replays.stop(caller, id)) await end({ ...begun, status: "cancelled" });
    });
    // Not before: a session that is deleted from now on finds what it has to end.
    if (!(await forgetting.linkSession(caller, id, answer, read.moment))) await forgetting.endAll(caller, id);
    return new Response(stream, { headers: answer.headers });
  }

  return (incoming, request, read) => (request.stream ? streamLater : wholeLater)(incoming, request, read);
}
