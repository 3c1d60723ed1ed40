// The step that understands the question: what to look for, and whether documents may help. By rules, or by the model.

import type { Message } from "../../contract/chat-request.ts";
import { flattenText } from "../../contract/chat-request.ts";
import { isJsonObject } from "../../contract/json.ts";
import { reasonOf } from "../../contract/thrown.ts";
import { beginningOf, endOf } from "../../contract/excerpt.ts";
import { readJson } from "../read-json.ts";
import type { Step, StepContext } from "../step.ts";

export interface Analysis {
  readonly query: string;
  readonly needsDocuments: boolean;
}

export interface QueryAnalysisOptions {
  /** Who understands it where the request does not say. @defaultValue "rules" */
  readonly by?: "rules" | "model";
  /** @defaultValue 8000 */
  readonly timeoutMs?: number;
}

const maxQueryChars = 2000;
const instructions =
  'Rewrite the last message as a search query that can be understood without the conversation. Answer with JSON only: {"query": "...", "needs_documents": true}. "needs_documents" is false for greetings, thanks and small talk.';

/** Sets `state.query` and `state.needsDocuments`. A request chooses by `options.analysis` whether the model is asked. */
export function queryAnalysis({ by = "rules", timeoutMs = 8000 }: QueryAnalysisOptions = {}): Step {
  return {
    name: "query_analysis",
    async *run(context) {
      yield { stage: "query_analysis" };
      const byModel = context.options.analysis ?? by === "model";
      const analysis = (byModel ? await askModel(context, timeoutMs) : undefined) ?? analyseByRules(context);
      context.state.query = analysis.query;
      context.state.needsDocuments = analysis.needsDocuments;
    },
  };
}

/** A model that fails or does not keep to the form costs its words, not the answer. */
async function askModel(context: StepContext, timeoutMs: number): Promise<Analysis | undefined> {
  const { message, history, log, signal } = context;
  const before = history.slice(-4).map((said) => `${said.role}: ${beginningOf(flattenText(said), 500)}`);
  const prompt = [...before, `user: ${beginningOf(message, maxQueryChars)}`].join("\n");
  try {
    const answer = readJson(await context.ask({ system: instructions, prompt, maxTokens: 200, timeoutMs }));
    const query = isJsonObject(answer) ? answer["query"] : undefined;
    if (!isJsonObject(answer) || typeof query !== "string" || query.trim() === "") return undefined;
    return { query: beginningOf(query, maxQueryChars), needsDocuments: answer["needs_documents"] !== false };
  } catch (error) {
    if (signal.aborted) throw error;
    log.info("Cannot have the question analysed: rules stand in", { reason: reasonOf(error) });
    return undefined;
  }
}

const smallTalk = new RegExp(
  `^[¡¿]?(?:${[
    "hi|hello|hey|good (?:morning|afternoon|evening|day|night)|many thanks|thanks?(?: you)?(?: (?:a lot|so much|very much))?",
    "thx|cheers|ok(?:ay)?|bye|goodbye|see you",
    "hallo|guten (?:morgen|tag|abend)|(?:vielen|herzlichen) dank|danke(?: (?:schön|sehr))?|tschüss",
    "hola|buen[oa]s (?:días|tardes|noches)|(?:muchas )?gracias|adiós|olá|bom dia|obrigad[oa]",
    "bonjour|bonsoir|salut|merci(?: beaucoup)?|au revoir|ciao|grazie|привет|здравствуйте|спасибо|пока|مرحبا|شكرا",
    "你好|您好|早上好|早安|晚上好|晚安|哈喽|嗨|谢谢|多谢|感谢|好的|再见",
    "こんにちは|こんばんは|おはよう(?:ございます)?|ありがとう(?:ございます)?|안녕(?:하세요)?|감사합니다|고마워요?",
  ].join("|")})(?:[\\s,!.。！~]+(?:there|qwen|all))?[\\s!.。！?？~]*$`,
  "iu",
);
/** Words that point at what was said before. */
const pointsBack =
  /^(?:and|but|so|what about|how about|why|it|its|that|this|those|these|they|he|she|und|aber|warum|y|et|那|它|他|她|这|为什么|还有)(?![\p{L}\p{N}])|^(?:那|它|他|她|这|为什么|还有)/iu;
const fewWords = 4;

/**
 * A greeting needs no documents. A message of few words, or one that begins by pointing back, is looked for together with
 * the one before it.
 */
export function analyseByRules({ message, history }: Pick<StepContext, "message" | "history">): Analysis {
  const question = message.trim().normalize();
  if (smallTalk.test(question)) return { query: question, needsDocuments: false };
  const before = lastQuestion(history);
  const isShort = question.split(/\s+/u).length < fewWords && question.length < 20;
  const query = before !== undefined && (isShort || pointsBack.test(question)) ? `${before}\n${question}` : question;
  return { query: endOf(query, maxQueryChars), needsDocuments: question !== "" };
}

function lastQuestion(history: readonly Message[]): string | undefined {
  const said = history.findLast(({ role }) => role === "user");
  return said && beginningOf(flattenText(said), maxQueryChars / 2);
}
