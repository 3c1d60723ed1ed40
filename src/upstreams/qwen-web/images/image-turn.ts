// One picture of the web backend: a chat of its own, one turn of the kind t2i, and the address of what was made.

import { GatewayError, repeatableAtOnce } from "../../../contract/gateway-error.ts";
import { isJsonObject, type JsonObject } from "../../../contract/json.ts";
import { RawText } from "../../../conversation/raw-text.ts";
import type { Account } from "../../../credentials/account.ts";
import { decodeInto } from "../../../outbound/decode-into.ts";
import { sleep } from "../../../outbound/retry.ts";
import type { QwenImageSize } from "../../../wire/qwen-web.ts";
import { objectIn, textOf } from "../../read-fields.ts";
import { isAboutChat } from "../chain-errors.ts";
import { type AcceptedCompletion, type QwenWebClient, stopTimeoutMs } from "../client.ts";
import { createOnce } from "../create-chat.ts";
import { type DecodedCompletion, decoderFor } from "../reply/decoder-for.ts";
import { upstreamName } from "../errors.ts";
import { featureConfigOf } from "../model-mode.ts";
import { sendOrStop } from "../reply/orphan.ts";
import { createCompletionBody, createQwenMessage } from "../request-body.ts";
import type { SpareChats } from "../spare-chats.ts";

export interface ImageTurnOptions {
  readonly client: QwenWebClient;
  readonly maxLineBytes: number;
  readonly clock: () => number;
  /** Of pictures that came to nothing: their repetition takes them. */
  readonly spareChats: SpareChats;
  /** How often a job is asked whether it is done. @defaultValue 3000 */
  readonly pollMs?: number;
}

export interface ImageTurn {
  readonly account: Account;
  readonly model: string;
  readonly prompt: string;
  readonly caller: string;
  readonly size: QwenImageSize | undefined;
  readonly signal: AbortSignal;
  /** Something came, if only a sign that it goes on. */
  alive(): void;
}

/** As a client of 2026-09 asks: every 3 s. */
const defaultPollMs = 3000;
/** What the decoder says of a picture. */
const pictureLine = /^!\[image\]\((.+)\)$/m;

/**
 * @returns the picture's address, which carries its own leave to be read
 * @throws {GatewayError} on every refusal, classified; `upstream-failed` when there is no picture at the end
 */
export async function makeImage(options: ImageTurnOptions, turn: ImageTurn): Promise<string> {
  const { client, clock } = options;
  const { account, model, size, signal } = turn;
  const onLate = (late: string): void => keepSpare(options, turn, late, atRest);
  const chatId =
    options.spareChats.take(account.id, turn.caller, turn.prompt) ??
    (await createOnce(client, { account, model, chatType: "t2i", signal, onLate }));
  turn.alive();
  const message = createQwenMessage({
    content: turn.prompt,
    parentId: null,
    model,
    chatType: "t2i",
    featureConfig: featureConfigOf({ thinking: "fast", search: false }, undefined),
    nowMs: clock(),
  });
  const body = createCompletionBody(chatId, null, model, message);
  const sending = sendOrStop(client, account, size === undefined ? body : { ...body, size }, signal);
  const completion = await sending.accepted.catch((error: unknown) => {
    refuseLost(error);
    keepSpare(options, turn, chatId, sending.isAtRest());
    throw error;
  });
  turn.alive();
  const taskId = completion.type === "json" ? taskOf(completion.body) : undefined;
  if (taskId !== undefined) return waitForTask(options, turn, taskId);
  const text = await readReply(options, turn, chatId, completion);
  const address = pictureLine.exec(text)?.[1] ?? addressIn(text);
  if (address === undefined) throw noPicture();
  return address;
}

/** The whole text of the reply; a generation that nobody waits for any more is stopped. */
async function readReply(
  options: ImageTurnOptions,
  turn: ImageTurn,
  chatId: string,
  completion: AcceptedCompletion,
): Promise<string> {
  const { client, maxLineBytes } = options;
  const { account, model, signal, alive } = turn;
  const { source, decoder } = decoderFor(completion, { chatId, model, maxLineBytes });
  try {
    return await collect({ source, decoder }, signal, alive);
  } catch (error) {
    refuseLost(error);
    const responseId = decoder.continuation?.responseId;
    if (decoder.isOver) keepSpare(options, turn, chatId, atRest);
    else if (responseId != null) {
      const stopped = client.stop(account, chatId, responseId, AbortSignal.timeout(stopTimeoutMs));
      keepSpare(options, turn, chatId, stopped);
    }
    throw error;
  } finally {
    // Some connections stay open behind the last event.
    source.cancel();
  }
}

/** A spare chat that turns out to be gone must not fail a request that never asked for it, and serves nobody any more. */
function refuseLost(error: unknown): void {
  if (isAboutChat(error)) throw repeatableAtOnce(error);
}

const atRest = Promise.resolve(true);

/** @param isAtRest whether Qwen writes no more in it; never rejects */
function keepSpare(
  { spareChats }: ImageTurnOptions,
  { account, caller, prompt }: ImageTurn,
  chatId: string,
  isAtRest: Promise<boolean>,
): void {
  void isAtRest.then((isFree) => {
    if (isFree) spareChats.put(account.id, caller, prompt, chatId);
  });
}

function collect({ source, decoder }: DecodedCompletion, signal: AbortSignal, alive: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const text = new RawText();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    const settle = (run: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      run();
    };
    const onEvent: Parameters<typeof decoder.feed>[1] = (event) => {
      if (event.type === "text-delta") text.append(event.text);
      else if (event.type === "reply-error") settle(() => reject(event.error));
      else if (event.type === "reply-end") settle(() => resolve(text.text));
    };
    const { chunk, end } = decodeInto(decoder, onEvent, (error) => settle(() => reject(error)));
    source.start({
      chunk(bytes) {
        alive();
        chunk(bytes);
      },
      end,
      // What was received whole counts; the decoder says what is missing.
      fail: end,
    });
  });
}

/** A turn that began a job instead of a reply (captured of films, 2026-08). */
function taskOf(body: JsonObject): string | undefined {
  const data = isJsonObject(body["data"]) ? body["data"] : {};
  const [message]: readonly unknown[] = Array.isArray(data["messages"]) ? data["messages"] : [];
  const extra = isJsonObject(message) ? objectIn(message, "extra") : undefined;
  return textOf(objectIn(extra, "wanx")?.["task_id"]);
}

async function waitForTask(
  { client, pollMs = defaultPollMs }: ImageTurnOptions,
  { account, signal, alive }: ImageTurn,
  taskId: string,
): Promise<string> {
  for (;;) {
    const { status, content } = await client.taskStatus(account, taskId, signal);
    alive();
    if (status === "success") {
      const address = addressIn(content);
      if (address === undefined) throw noPicture();
      return address;
    }
    // Whatever else it says, it has failed (a client of 2026-09).
    if (status !== "running") throw noPicture();
    await sleep(pollMs, signal);
  }
}

function addressIn(text: string): string | undefined {
  const line = text.trim();
  return /^https?:\/\/\S+$/.test(line) ? line : undefined;
}

function noPicture(): GatewayError {
  return new GatewayError("upstream-failed", "Qwen made no picture: try again, or word the prompt differently", {
    upstream: upstreamName,
  });
}
