// One exchange whose answer has to be JSON: how the model is held to it or asked for it, what becomes of an answer that
// does not fit, and how it is asked for once more.

import { createAnswerCheck, type AnswerCheck, rootOf } from "../answers/answer-schema.ts";
import { describeFormat, describeMiss } from "../answers/describe-format.ts";
import { isRefusal, readAnswer } from "../answers/read-answer.ts";
import type { AnswerFormat } from "../contract/answer-format.ts";
import type { ChatRequest, Message } from "../contract/chat-request.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import type { Resume, UpstreamReply } from "../contract/upstream.ts";
import { JsonReply, type Verdict, type WholeAnswer } from "./json-reply.ts";
import type { Candidate } from "./model-routes.ts";

/** An answer that did not fit, and the question that follows it. */
interface Miss {
  readonly answer: WholeAnswer;
  readonly problem: string;
  readonly account: string;
}

export class AnswerForm {
  readonly #format: AnswerFormat;
  readonly #streams: boolean;
  readonly #check: AnswerCheck;
  #candidate: Candidate | undefined;
  /** The server has refused to be held to the form: it is asked in words. */
  #isInWords = false;
  /** What the next attempt mends. */
  #miss: Miss | undefined;
  /** Once an exchange: what does not fit then is told. */
  #hasRepaired = false;
  #mayRepeat: () => boolean = () => false;
  /** By what it was made of: attempts of one question share it, and so does what is remembered of its messages. */
  #asked: { readonly whole: ChatRequest; readonly miss: Miss | undefined; readonly request: ChatRequest } | undefined;

  /** @throws {GatewayError} `invalid-request` for a schema that nothing can be checked against */
  constructor(format: AnswerFormat, streams: boolean) {
    this.#format = format;
    this.#streams = streams;
    this.#check = createAnswerCheck(format);
  }

  /**
   * Runs an attempt, and once more when its answer did not fit, or the server knows no such form.
   * @param tryOnce sends what `ask` gives, and reads it by `read`
   */
  async attempt(candidate: Candidate, tryOnce: () => Promise<void>, mayRepeat: () => boolean): Promise<void> {
    if (candidate !== this.#candidate) this.#isInWords = false;
    this.#candidate = candidate;
    this.#miss = undefined;
    this.#mayRepeat = mayRepeat;
    for (;;) {
      try {
        return await tryOnce();
      } catch (error) {
        if (!mayRepeat() || !this.#changes(error)) throw error;
      }
    }
  }

  /** @returns whether there is another question to ask now */
  #changes(error: unknown): boolean {
    if (this.#miss !== undefined && !this.#hasRepaired) {
      this.#hasRepaired = true;
      return true;
    }
    const isRefused = error instanceof GatewayError && error.kind === "invalid-request" && isAboutFormat(error.param);
    if (!isRefused || this.#isInWords || this.#native === undefined) return false;
    this.#isInWords = true;
    return true;
  }

  /** What the server can be held to by itself; undefined: it is asked in words. */
  get #native(): "object" | "schema" | undefined {
    const means = this.#isInWords ? undefined : this.#candidate?.upstream.jsonAnswers;
    return means === "object" && this.#format.schema !== undefined ? undefined : means;
  }

  /** The request as it is to be sent now. */
  ask(whole: ChatRequest): ChatRequest {
    const miss = this.#hasRepaired ? this.#miss : undefined;
    const known = this.#asked;
    const isNative = this.#native !== undefined;
    if (isNative && miss === undefined) return whole;
    if (known?.whole === whole && known.miss === miss) return known.request;
    // What was received says something else, and so does the form as the client wrote it.
    const { received: _received, format: _format, ...rest } = whole;
    const asked = isNative ? whole.messages : withWords(whole.messages, describeFormat(this.#format));
    const messages = miss === undefined ? asked : [...asked, ...this.#again(miss)];
    const format = isNative ? this.#format : this.#formatBesideWords;
    const request: ChatRequest = { ...rest, messages, ...(format === undefined ? {} : { format }) };
    this.#asked = { whole, miss, request };
    return request;
  }

  /** What knows no schemas may still be held to any object. */
  get #formatBesideWords(): AnswerFormat | undefined {
    const knowsObjects = !this.#isInWords && this.#candidate?.upstream.jsonAnswers === "object";
    return knowsObjects && rootOf(this.#format.schema) === "object"
      ? { ...this.#format, schema: undefined }
      : undefined;
  }

  #again({ answer, problem }: Miss): readonly Message[] {
    return [
      { role: "assistant", content: [{ type: "text", text: answer.text }], toolCalls: [] },
      { role: "user", content: [{ type: "text", text: describeMiss(this.#format, problem) }] },
    ];
  }

  /** Where the question that mends an answer goes on; undefined: where the turn does. */
  resumeFor({ messages }: ChatRequest): Resume | undefined {
    const miss = this.#hasRepaired ? this.#miss : undefined;
    if (miss?.answer.continuation === undefined) return undefined;
    return {
      continuation: miss.answer.continuation,
      account: miss.account,
      unseenFrom: messages.length - 1,
      unseenSystem: [],
      systemChange: "none",
      tools: "known",
      interrupted: undefined,
      readyAtMs: 0,
    };
  }

  /** The reply with nothing in it but the JSON. */
  read(reply: UpstreamReply): UpstreamReply {
    const { account, model, body } = reply;
    const decoder = new JsonReply(reply.decoder, {
      root: rootOf(this.#format.schema),
      streams: this.#streams && this.#native !== undefined,
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
    const mayMend = !isSaid && !this.#hasRepaired && this.#mayRepeat();
    if (!mayMend) {
      if (json !== undefined && !this.#format.isStrict && isTold) return { type: "json", json };
      if (json === undefined && !isSaid && isRefusal(text)) return { type: "refusal", text: text.trim() };
    }
    const what = problem ?? "its JSON is broken";
    if (mayMend) this.#miss = { answer, problem: what, account };
    return { type: "unfit", error: unfit(what) };
  }
}

function isAboutFormat(param: string | undefined): boolean {
  return param === "response_format" || param === "format";
}

/** A client that asks again costs another two answers, and is told so. */
function unfit(problem: string): GatewayError {
  return new GatewayError("answer-unfit", `The model did not answer in the form that was asked for: ${problem}`, {
    final: true,
  });
}

/** Behind what the user said last; results of tools are followed by a message of their own. */
function withWords(messages: readonly Message[], words: string): readonly Message[] {
  const index = messages.findLastIndex(({ role }) => role === "user" || role === "tool");
  const last = messages[index];
  const part = { type: "text", text: words } as const;
  if (last?.role !== "user") return [...messages, { role: "user", content: [part] }];
  return messages.with(index, { role: "user", content: [...last.content, part] });
}
