// POST /v1/images/generations on the web backend: each picture a turn on an account that is ready, the answer in OpenAI's form.

import type {
  ForwardBody,
  ForwardContext,
  ForwardedAnswer,
  Forwarding,
  ForwardRequest,
} from "../../../contract/forward.ts";
import { GatewayError, toGatewayError, withoutRepetition } from "../../../contract/gateway-error.ts";
import type { GuardedDownload } from "../../../outbound/guarded-download.ts";
import type { Log } from "../../../telemetry/log.ts";
import type { WebAccounts } from "../accounts/accounts.ts";
import { upstreamName } from "../errors.ts";
import { type ImageRequest, parseImageRequest } from "./image-request.ts";
import { type ImageTurnOptions, makeImage } from "./image-turn.ts";
import { createSpareChats } from "../spare-chats.ts";

export interface ImagesOptions extends Omit<ImageTurnOptions, "spareChats"> {
  readonly accounts: WebAccounts;
  /** The model to ask, by what the client wrote. @throws {GatewayError} `model-not-found` */
  readonly resolveModel: (model: string | undefined, signal: AbortSignal) => Promise<string>;
  readonly download: GuardedDownload;
  readonly log: Log;
}

/** What clients ask for when they mean "whoever makes pictures": OpenAI's names, and Qwen's own for the same. */
const imageModels = /^(?:dall-e|gpt-image|chatgpt-image|qwen-image|wan)/i;
/** A picture of 2688 x 1536 has about 5 MB. */
const maxImageBytes = 32 * 1024 * 1024;
const downloadMs = 60_000;

interface MadeImage {
  readonly url: string;
  readonly account: string;
}

/** Serves `images/generations`, and nothing else. */
export function createImages(options: ImagesOptions): Forwarding["forward"] {
  const { accounts, clock, log } = options;
  const turnOptions: ImageTurnOptions = { ...options, spareChats: createSpareChats(clock) };

  async function forward(request: ForwardRequest, context: ForwardContext): Promise<ForwardedAnswer> {
    const wanted = parseImageRequest(textOf(request.body));
    const named = request.model !== undefined && imageModels.test(request.model) ? undefined : request.model;
    const model = await options.resolveModel(named, context.signal);
    // One that fails ends the others: half of what was asked for is no answer.
    const failing = new AbortController();
    const signal = AbortSignal.any([context.signal, failing.signal]);
    const making = Array.from({ length: wanted.count }, () => makeOne(wanted, model, { ...context, signal }));
    try {
      const images = await Promise.all(making);
      const data = await Promise.all(images.map((image) => encodeImage(image, wanted, signal)));
      const answer = { created: Math.floor(clock() / 1000), data };
      return {
        account: images[0]?.account ?? "",
        status: 200,
        contentType: "application/json",
        body: new TextEncoder().encode(JSON.stringify(answer)),
        onEnd() {},
      };
    } catch (error) {
      failing.abort(error);
      await Promise.allSettled(making);
      throw error;
    }
  }

  /** Another account is asked where the refusal is about this one. */
  async function makeOne(wanted: ImageRequest, model: string, context: ForwardContext): Promise<MadeImage> {
    const { signal, deadlineMs, alive, caller } = context;
    const except = new Set<string>();
    for (;;) {
      const use = await accounts.pool.pick({ conversationOf: undefined, mustStay: false, except, signal, deadlineMs });
      try {
        const { prompt, size } = wanted;
        const url = await accounts.ask(use.id, signal, (account) =>
          makeImage(turnOptions, { account, model, prompt, caller, size, signal, alive }),
        );
        return { url, account: use.id };
      } catch (error) {
        if (!accounts.mayMove(error, use.id, except)) throw error;
        except.add(use.id);
        log.info("Another account is asked", { requestId: context.requestId, refusedBy: use.alias });
      } finally {
        use.end();
      }
    }
  }

  async function encodeImage({ url }: MadeImage, { answerAs }: ImageRequest, signal: AbortSignal) {
    if (answerAs === "url") return { url };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(downloadMs)]);
    const { bytes } = await options
      .download(url, { maxBytes: maxImageBytes, signal: limit })
      .catch((error: unknown) => {
        // Another attempt would draw once more what is there already.
        throw withoutRepetition(toGatewayError(error));
      });
    return { b64_json: Buffer.from(bytes).toString("base64") };
  }

  return forward;
}

function textOf(body: ForwardBody): string {
  if (body.type === "bytes") return new TextDecoder().decode(Buffer.concat(body.pieces));
  throw new GatewayError("invalid-request", "Cannot make images: the request is not JSON", { upstream: upstreamName });
}
