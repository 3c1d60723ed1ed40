// An answer that has to be JSON: how the model is held to it or asked for it, and what becomes of one that does not fit.

import { createAnswerCheck, type AnswerCheck, rootOf } from "../../answers/answer-schema.ts";
import { describeFormat, describeMiss } from "../../answers/describe-format.ts";
import { isRefusal, readAnswer } from "../../answers/read-answer.ts";
import type { AnswerFormat } from "../../contract/answer-format.ts";
import type { ChatRequest, Message } from "../../contract/chat-request.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import type { Resume, UpstreamReply } from "../../contract/upstream.ts";
import { emptyAnswer } from "../replies/attempt-errors.ts";
import { JsonReply, type Verdict, type WholeAnswer } from "./json-reply.ts";
import { type AnswerDemand, type DemandedRun, Mending, type Miss, unfit } from "./mending.ts";
import type { Candidate } from "../candidates/model-routes.ts";

/** By what they were made of: attempts at one question share them, and so does what upstreams remember of them. */
interface AskedMessages {
  readonly whole: readonly Message[];
  readonly miss: Miss | undefined;
  readonly isInWords: boolean;
  readonly messages: readonly Message[];
}

export class AnswerForm implements AnswerDemand {
  readonly #format: AnswerFormat;
  readonly #streams: boolean;
  readonly #check: AnswerCheck;
  readonly #mending = new Mending();
  #candidate: Candidate | undefined;
  #repeatsEmpty: () => boolean = () => false;
  /** The server has refused to be held to the form: it is asked in words. */
  #isInWords = false;
  #asked: AskedMessages | undefined;

  /** @throws {GatewayError} `invalid-request` for a schema that nothing can be checked against */
  constructor(format: AnswerFormat, streams: boolean) {
    this.#format = format;
    this.#streams = streams;
    this.#check = createAnswerCheck(format);
  }

  async attempt(candidate: Candidate, run: DemandedRun): Promise<void> {
    if (this.#mending.begin(candidate, () => run.mayRepeat())) this.#isInWords = false;
    this.#candidate = candidate;
    this.#repeatsEmpty = () => run.repeatsEmpty();
    for (;;) {
      try {
        return await run.tryOnce();
      } catch (error) {
        if (!run.mayRepeat() || !(this.#mending.next() || this.#turnsToWords(error))) throw error;
        run.repeats(error);
      }
    }
  }

  #turnsToWords(error: unknown): boolean {
    const isRefused = error instanceof GatewayError && error.kind === "invalid-request" && isAboutFormat(error.param);
    if (!isRefused || this.#isInWords || this.#candidate?.upstream.jsonAnswers === undefined) return false;
    this.#isInWords = true;
    return true;
  }

  /** What the server can be held to by itself; undefined: it is asked in words alone. */
  get #native(): AnswerFormat | undefined {
    const means = this.#isInWords ? undefined : this.#candidate?.upstream.jsonAnswers;
    if (means === "schema") return this.#format;
    const isAnyObject = means === "object" && rootOf(this.#format.schema) === "object";
    return isAnyObject ? { ...this.#format, schema: undefined } : undefined;
  }

  /** It needs no words. */
  get #isNative(): boolean {
    return this.#native?.schema === this.#format.schema && this.#native !== undefined;
  }

  ask(whole: ChatRequest): ChatRequest {
    const isInWords = !this.#isNative;
    if (!isInWords && this.#mending.miss === undefined) return whole;
    // What was received says something else, and so does the form as the client wrote it.
    const { received: _received, format: _format, ...rest } = whole;
    const format = this.#native;
    return {
      ...rest,
      messages: this.#messages(whole.messages, isInWords),
      ...(format === undefined ? {} : { format }),
    };
  }

  #messages(whole: readonly Message[], isInWords: boolean): readonly Message[] {
    const { miss } = this.#mending;
    const known = this.#asked;
    if (known?.whole === whole && known.miss === miss && known.isInWords === isInWords) return known.messages;
    const asked = isInWords ? withWords(whole, describeFormat(this.#format)) : whole;
    const messages = miss === undefined ? asked : [...asked, ...miss.messages];
    this.#asked = { whole, miss, isInWords, messages };
    return messages;
  }

  resumeFor(asked: ChatRequest, before: Resume | undefined): Resume | undefined {
    return this.#mending.resumeFor(asked, before);
  }

  read(reply: UpstreamReply): UpstreamReply {
    // It is the client's own wish that nothing of it is touched.
    if (reply.passThrough !== undefined) return reply;
    const { account, model, body } = reply;
    const decoder = new JsonReply(reply.decoder, {
      root: rootOf(this.#format.schema),
      streams: this.#streams && this.#isNative,
      judge: (answer) => this.#judge(answer, account),
      tooLong: () => unfit("it is too long to be checked"),
    });
    // Not `recover`: what is held back has not been said, and what was cut out is not what is stored.
    return { account, model, body, decoder, onEnd: (ending, error) => reply.onEnd(ending, error) };
  }

  #judge(answer: WholeAnswer, account: string): Verdict {
    const { text, isSaid } = answer;
    const { json, problem } = readAnswer(text, this.#format, this.#check);
    const isTold = !isSaid || json === text;
    if (json !== undefined && problem === undefined && isTold) return { type: "json", json };
    const mayMend = !isSaid && this.#mending.mayMend;
    if (!mayMend) {
      // It is no answer to the question that was to mend it.
      if (text.trim() === "" && this.#repeatsEmpty()) return { type: "unfit", error: emptyAnswer() };
      if (json !== undefined && !this.#format.isStrict && isTold) return { type: "json", json };
      if (json === undefined && !isSaid && isRefusal(text)) return { type: "refusal", text: text.trim() };
    }
    const what = problem ?? "its JSON is broken";
    if (mayMend) {
      const { continuation } = answer;
      this.#mending.note({ messages: askAgain(text, describeMiss(this.#format, what)), continuation, account });
    }
    return { type: "unfit", error: unfit(what) };
  }
}

/** Not all servers say what it is that they do not take. */
function isAboutFormat(param: string | undefined): boolean {
  return param === undefined || param === "response_format" || param === "format";
}

function askAgain(answer: string, question: string): Miss["messages"] {
  return [
    { role: "assistant", content: [{ type: "text", text: answer }], toolCalls: [] },
    { role: "user", content: [{ type: "text", text: question }] },
  ];
}

/** Behind what the user said last; results of tools are followed by a message of their own. */
function withWords(messages: readonly Message[], words: string): readonly Message[] {
  const index = messages.findLastIndex(({ role }) => role === "user" || role === "tool");
  const last = messages[index];
  const part = { type: "text", text: words } as const;
  if (last?.role !== "user") return [...messages, { role: "user", content: [part] }];
  return messages.with(index, { ...last, content: [...last.content, part] });
}
