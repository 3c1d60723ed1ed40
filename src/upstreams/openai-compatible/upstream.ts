// A server that speaks OpenAI chat completions as an upstream: stateless, with one key or several, in its own dialect.

import type { AttachmentLoader } from "../../attachments/load-attachment.ts";
import type { ChatRequest } from "../../contract/chat-request.ts";
import type { TokenUsage } from "../../contract/events.ts";
import { type GatewayError, repeatableAtOnce } from "../../contract/gateway-error.ts";
import type { UpstreamLimits } from "../../contract/limits.ts";
import type { EventDecoder, OpenContext, PassThrough, Upstream, UpstreamReply } from "../../contract/upstream.ts";
import { estimateTokens } from "../../conversation/estimate-tokens.ts";
import { fromBytes } from "../../outbound/fetch-client.ts";
import type { HttpClient, ResponseHeaders } from "../../outbound/http-client.ts";
import { orAborted } from "../../outbound/or-aborted.ts";
import type { Log } from "../../telemetry/log.ts";
import { createCallId } from "../../tools/call-id.ts";
import { scanTools } from "../../tools/scan-tools.ts";
import { withoutThoughts } from "./request/begun-answer.ts";
import { findRepair, type Repair } from "./request/body-repairs.ts";
import { type AcceptedCompletion, createCompatibleClient } from "./client.ts";
import type { Body, Dialect } from "./dialect.ts";
import { inBatches } from "./forward/embedding-batches.ts";
import type { RefusalSource } from "./refusals/errors.ts";
import { createEventDecoder } from "./reply/event-decoder.ts";
import { createForwarding } from "./forward/forwarding.ts";
import { createHealthCheck } from "./servers/health-check.ts";
import { createJsonDecoder } from "./reply/json-decoder.ts";
import { keptStops } from "./request/kept-stops.ts";
import { createKeyRing, type KeyUse } from "./servers/keys.ts";
import { fetchModelDetails } from "./servers/model-details.ts";
import { createModelList } from "./servers/models.ts";
import { createOutgoingBody, mayPass, scansText } from "./request/outgoing-body.ts";
import { PassDecoder, type PassDecoderOptions } from "./pass-through/pass-decoder.ts";
import { readableRequest } from "./request/readable-content.ts";
import { isAboutKey, UpstreamRefusal } from "./refusals/refusal.ts";
import { createRepairMemory } from "./request/repair-memory.ts";
import { sameProtocol } from "./request/request-body.ts";
import type { Rescue } from "./reply/text-flow.ts";
import { thinkingOf } from "./request/thinking.ts";
import { createThoughtsStarts } from "./reply/thoughts-start.ts";
import { limitsOfRefusal, readToldLimits } from "./servers/told-limits.ts";
import { readWholeAnswer } from "./pass-through/whole-answer.ts";

export interface OpenAICompatibleOptions {
  /** Of this upstream among others: in errors, the log and the list of models. */
  readonly name: string;
  readonly dialect: Dialect;
  /** Ends mostly in `/v1`. A slash at its end does not count. */
  readonly baseUrl: string;
  /** One or several; none where the server wants none. */
  readonly keys: readonly string[];
  /** Further headers of every request. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>;
  /** For requests that name no model. Undefined: the first that the server lists. */
  readonly defaultModel: string | undefined;
  /** The list that clients see, instead of the server's own. @defaultValue none */
  readonly models?: readonly string[];
  /** How much it takes. @defaultValue as much as comes, until the server says otherwise */
  readonly limits?: UpstreamLimits;
  readonly http: HttpClient;
  /** Reads what the server cannot be given as it stands. @defaultValue nothing is read, and it is refused */
  readonly attachments?: AttachmentLoader;
  readonly maxLineBytes: number;
  /** No key is set aside for longer. Undefined: as long as it takes. */
  readonly maxCooldownMs: number | undefined;
  readonly userAgent: string;
  readonly clock: () => number;
  readonly log: Log;
}

/** Of one request, all kinds together; those that are remembered cost no attempt, and do not count. */
const maxRepairs = 4;
/** A prompt that counted less than this part of its estimate was cut: estimates are not that far off. */
const cutShare = 0.5;
const leastCutTokens = 2000;
const encoder = new TextEncoder();

/** One request as it is about to be sent. */
interface Sending {
  readonly request: ChatRequest;
  readonly context: OpenContext;
  readonly model: string;
  readonly key: KeyUse;
}

/** What of it went out, and the repairs that are in it. */
interface Sent {
  readonly fields: Body;
  readonly applied: ReadonlySet<string>;
  /** How many these may become. */
  readonly mostRepairs: number;
}

export function createOpenAICompatibleUpstream(options: OpenAICompatibleOptions): Upstream {
  const { name, dialect, clock, log } = options;
  const source: RefusalSource = { upstream: name, displayName: dialect.displayName, rows: dialect.refusals };
  const client = createCompatibleClient({
    ...options,
    headers: options.headers ?? {},
    baseUrl: options.baseUrl.replace(/\/+$/, ""),
    source,
  });
  const keys = createKeyRing({ upstream: name, secrets: options.keys, maxAsideMs: options.maxCooldownMs, clock });
  const hasOneKey = options.keys.length <= 1;
  const mostPauseMs = hasOneKey ? (options.maxCooldownMs ?? Number.POSITIVE_INFINITY) : 0;
  const repairs = createRepairMemory();
  const thoughts = createThoughtsStarts(dialect);
  /** The key that was told the list is told the rest of it. */
  let listSecret = keys.anySecret();
  const models = createModelList({
    upstream: name,
    fetchList: (signal) =>
      keys.askAny((secret) => {
        listSecret = secret;
        return client.listModels(secret, signal);
      }),
    fetchDetails: (ids, signal) =>
      fetchModelDetails(
        dialect.models.details,
        ids,
        (path, body, limit) => client.askBeside(path, body, listSecret, limit),
        signal,
      ),
    configured: options.models ?? [],
    fallback: dialect.models.fallback,
    clock,
    log,
  });

  async function open(asked: ChatRequest, context: OpenContext): Promise<UpstreamReply> {
    const { signal, deadlineMs } = context;
    const reading = readableRequest(asked, dialect, options.attachments, signal);
    const read = reading === undefined ? asked : await reading;
    const named = read.model ?? options.defaultModel ?? (await models.first());
    let model = models.spelled(named) ?? named;
    const request = withoutThoughts(read, { dialect, model });
    const except = new Set<string>();
    for (;;) {
      const key = await keys.pick({ model, except, signal, deadlineMs });
      const sending = { request, context, model, key };
      try {
        return await sendWithRepairs(sending);
      } catch (error) {
        key.end();
        if (!(error instanceof UpstreamRefusal)) throw error;
        keys.note(key.id, model, error);
        tellOfRefusal(context, error);
        if (error.reason === "model") {
          const listed = await renewedSpelling(named, signal);
          if (listed !== model) {
            model = listed;
            continue;
          }
        }
        except.add(key.id);
        if (!isAboutKey(error.reason) || !keys.hasReady(model, except)) throw error;
        log.info("Another key is asked", { requestId: context.requestId, upstream: name, refusedBy: key.id });
      }
    }
  }

  /** The name that was refused, as the list has it by now. One that was never read is waited for. */
  async function renewedSpelling(named: string, signal: AbortSignal): Promise<string> {
    const isUnread = models.spelled(named) === undefined;
    const renewal = models.renew();
    if (isUnread) await orAborted(renewal, signal);
    return models.spelled(named) ?? named;
  }

  async function sendWithRepairs(sending: Sending): Promise<UpstreamReply> {
    const { request, context, model, key } = sending;
    const outgoing = createOutgoingBody(request, { dialect, upstream: name, model });
    let { fields } = outgoing;
    const applied = new Set<string>();
    for (const repair of repairs.known(request, model)) {
      const changed = repair.change(fields);
      // What changes nothing here yet may be needed once something else has changed.
      if (changed !== fields) applied.add(repair.name);
      fields = changed;
    }
    const mostRepairs = applied.size + maxRepairs;
    for (;;) {
      if (fields["stream"] === false) context.onWholeAnswer();
      try {
        const accepted = await client.complete(outgoing.write(fields, applied), key.secret, context.signal, (headers) =>
          tellOfHeaders(context, headers),
        );
        return replyOf(sending, accepted, { fields, applied, mostRepairs });
      } catch (error) {
        const sent = { fields, applied, mostRepairs };
        const repair = error instanceof UpstreamRefusal ? repairFor(error, sent) : undefined;
        if (repair === undefined) throw error;
        noteRepair(sending, repair);
        fields = repair.change(fields);
        applied.add(repair.name);
      }
    }
  }

  /** What a server tells of its limits holds for the key that was asked: with several, the ring of keys keeps them apart. */
  function tellOfHeaders({ limits }: Pick<OpenContext, "limits">, headers: ResponseHeaders): void {
    limits?.told(hasOneKey ? readToldLimits(headers, clock()) : {});
  }

  function tellOfRefusal({ limits }: Pick<OpenContext, "limits">, refusal: UpstreamRefusal): void {
    limits?.told(limitsOfRefusal(refusal, mostPauseMs));
  }

  function repairFor(refusal: UpstreamRefusal, { fields, applied, mostRepairs }: Sent): Repair | undefined {
    return applied.size < mostRepairs ? findRepair(refusal, fields, applied) : undefined;
  }

  function noteRepair({ request, context, model }: Sending, repair: Repair): void {
    repairs.note(request, model, repair);
    log.info("The request is sent once more, changed", {
      requestId: context.requestId,
      upstream: name,
      change: repair.name,
    });
  }

  function replyOf(sending: Sending, accepted: AcceptedCompletion, sent: Sent): UpstreamReply {
    const { model, key } = sending;
    const body = accepted.type === "stream" ? accepted.body : fromBytes(encoder.encode(accepted.text));
    const { decoder, passThrough } = readerOf(sending.request, accepted, dialect, decoderOptions(sending, sent));
    const cutAt = keptStops(sending.request, { dialect, model });
    return {
      account: key.id,
      model,
      body,
      decoder,
      ...(passThrough === undefined ? {} : { passThrough }),
      ...(cutAt === undefined ? {} : { cutAt }),
      async onEnd(outcome) {
        key.end();
        if (outcome !== "complete") body.cancel();
        return 0;
      },
    };
  }

  function decoderOptions(sending: Sending, sent: Sent): PassDecoderOptions {
    const { request, context, model } = sending;
    return {
      model,
      toldModel: context.toldModel,
      wantsUsage: request.includeUsage,
      source,
      thinkTags: dialect.reply.thinkTags,
      thoughtsStart: thoughts.of(request, model),
      onThoughtsStart: (start) => noteThoughts(model, start),
      cumulativeDeltas: dialect.reply.cumulativeDeltas,
      doneIsFinish: dialect.reply.doneIsFinish,
      tools: request.tools,
      // Every token is to reach its client with its probability.
      ...(request.wantsProbabilities === true ? { holdsBlanks: false } : {}),
      rescue: rescueOf(request, dialect),
      createId: createCallId,
      maxLineBytes: options.maxLineBytes,
      onRefusal: (refusal) => judgeInStream(sending, sent, refusal),
      onSkipped: (reason) =>
        log.warn("Skipped an event of the stream", { requestId: context.requestId, upstream: name, reason }),
      onUsage: (usage) => warnOfCut(sending, usage),
      onToolWarning: ({ kind, toolName: tool = "" }) =>
        log.info("A tool call was mended, or could not be", {
          requestId: context.requestId,
          upstream: name,
          kind,
          tool,
        }),
    };
  }

  /** A refusal that came as an event: as long as nothing was said, the gateway may ask once more. */
  function judgeInStream(sending: Sending, sent: Sent, refusal: UpstreamRefusal): GatewayError {
    const { model, key, context } = sending;
    keys.note(key.id, model, refusal);
    tellOfRefusal(context, refusal);
    const repair = repairFor(refusal, sent);
    if (repair !== undefined) noteRepair(sending, repair);
    const canMove = isAboutKey(refusal.reason) && keys.hasReady(model, new Set([key.id]));
    return repair !== undefined || canMove ? repeatableAtOnce(refusal) : refusal;
  }

  function noteThoughts(model: string, start: "marked" | "unopened"): void {
    if (!thoughts.note(model, start) || start === "marked") return;
    log.warn(
      "The server sends thoughts as part of its answers, which are told apart from now on: start it with its reasoning parser",
      { upstream: name, model },
    );
  }

  /** Ollama cuts what is longer than its window without a word: the only sign is a count that is too small. */
  function warnOfCut({ request, context, model }: Sending, { inputTokens }: TokenUsage): void {
    if (!dialect.reply.truncatesSilently) return;
    let estimated = 0;
    for (const message of request.messages) {
      for (const part of message.content) if (part.type === "text") estimated += estimateTokens(part.text);
    }
    if (estimated < leastCutTokens || inputTokens >= estimated * cutShare) return;
    log.warn("The prompt was probably cut by the server: give the model a longer context (num_ctx)", {
      requestId: context.requestId,
      upstream: name,
      model,
      inputTokens,
      estimatedTokens: estimated,
    });
  }

  return {
    name,
    protocol: sameProtocol,
    ...(dialect.request.jsonAnswers === "none" ? {} : { jsonAnswers: dialect.request.jsonAnswers }),
    ...(options.defaultModel === undefined ? {} : { choosesModel: true }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    listModels: () => models.list(),
    renewModels: () => models.renew(),
    open,
    accounts: () => keys.views(),
    ...createHealthCheck({
      path: dialect.healthPath,
      baseUrl: options.baseUrl,
      askStatus: (path, signal) => client.askStatus(path, keys.anySecret(), signal),
    }),
    forwarding: inBatches(
      createForwarding({ name, endpoints: dialect.endpoints, client, keys, source, tellOfHeaders, tellOfRefusal, log }),
      dialect.mostEmbeddings,
    ),
  };
}

/** Frames where they may be passed on, else deltas. */
function readerOf(
  request: ChatRequest,
  accepted: AcceptedCompletion,
  dialect: Dialect,
  options: PassDecoderOptions,
): { readonly decoder: EventDecoder; readonly passThrough?: PassThrough | undefined } {
  const isWhole = accepted.type === "json";
  const passes = mayPass(request, { dialect, model: options.model }) && request.stream !== isWhole;
  if (passes && isWhole) return readWholeAnswer(accepted.text, accepted.body, options);
  if (passes) {
    const decoder = new PassDecoder(options);
    return { decoder, passThrough: decoder.reader };
  }
  const decoder = isWhole ? createJsonDecoder(accepted.body, options) : createEventDecoder(options);
  if (!scansText(request, dialect)) return { decoder };
  const { onToolWarning } = options;
  return {
    decoder: scanTools(decoder, request.tools, onToolWarning === undefined ? {} : { onWarning: onToolWarning }),
  };
}

function rescueOf(request: ChatRequest, dialect: Dialect): Rescue {
  if (!dialect.reply.answersInReasoning) return "none";
  if (thinkingOf(request) === false) return "any";
  return request.format === undefined ? "none" : "json";
}
