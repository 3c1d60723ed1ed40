// The four scenarios of the manual run, as a client would walk through them: R2-071 to R2-074.

import { parseChatStream } from "../support/sse-frames.ts";
import type { RealGateway, SessionState } from "./real-gateway.ts";
import type { Verification } from "./verification.ts";

interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** What came of one turn, and how the session stood behind it. */
interface TurnResult {
  readonly text: string;
  readonly sessionId: string | null;
  readonly session: SessionState | undefined;
}

/** Raised when a turn failed altogether: what would follow makes no sense then. */
export class TurnFailed extends Error {
  override readonly name = "TurnFailed";
}

/** @param mark makes the first messages of this run its own. @returns the sessions that were made */
export async function runScenarios(gateway: RealGateway, report: Verification, mark: string): Promise<string[]> {
  const colourTalk = createTalk(gateway, report);
  const dogTalk = createTalk(gateway, report);
  const made = () => [colourTalk.sessionId, dogTalk.sessionId].filter((id) => id !== undefined);

  report.scenario("1. The first message, answered as one document [R2-071]");
  const opening = `My favourite colour is teal. (Run ${mark}.)`;
  const id = new Bun.CryptoHasher("md5").update(opening).digest("hex");
  report.verify("the session does not exist yet", (await gateway.session(id)) === undefined);
  const first = await colourTalk.say(opening, false);
  report.verify("the answer has text", first.text.trim() !== "");
  report.verify("the session's id is the MD5 of the first message", first.sessionId === id, first.sessionId);
  report.verify("the session has a chat", Boolean(first.session?.chatId), first.session);
  report.verify("the session has the node of the answer", Boolean(first.session?.parentId), first.session);
  report.verify("the session counts one message", first.session?.messageCount === 1, first.session);

  report.scenario("2. A follow-up, answered as one document [R2-072]");
  const second = await colourTalk.say("What is my favourite colour? Answer with the colour alone.", false);
  report.verify("the model knows what was said before", /teal/i.test(second.text), second.text);
  verifyContinues(report, first, second, 2);

  report.scenario("3. A message whose answer is streamed [R2-073]");
  const third = await colourTalk.say("Count from 1 to 20, with spaces between the numbers and nothing else.", true);
  const numbers = third.text.match(/\d+/g) ?? [];
  const isWhole = numbers.join(" ") === Array.from({ length: 20 }, (_, index) => index + 1).join(" ");
  report.verify("every number arrived, in order", isWhole, third.text);
  verifyContinues(report, second, third, 3);

  report.scenario("4. Three turns, the last of which wants a fact of the first [R2-074]");
  const one = await dogTalk.say(`My dog is called Rexolo. (Run ${mark}.)`, true);
  report.verify("another conversation has another chat", one.session?.chatId !== third.session?.chatId, one.session);
  const two = await dogTalk.say("What is 6 * 7?", true);
  report.verify("the model calculates", two.text.includes("42"), two.text);
  verifyContinues(report, one, two, 2);
  const three = await dogTalk.say("What is my dog called?", true);
  report.verify("the model remembers the first turn", /rexolo/i.test(three.text), three.text);
  verifyContinues(report, two, three, 3);
  return made();
}

function verifyContinues(report: Verification, before: TurnResult, after: TurnResult, count: number): void {
  const [was, is] = [before.session, after.session];
  report.verify("the session is the same", after.sessionId === before.sessionId, after.sessionId);
  report.verify("the chat is the same", is?.chatId !== undefined && is.chatId === was?.chatId, is);
  report.verify("the node has moved on", is?.parentId != null && is.parentId !== was?.parentId, is);
  report.verify(`the session counts ${count} messages`, is?.messageCount === count, is);
}

/** A client that resends its history with each turn. */
function createTalk(gateway: RealGateway, report: Verification) {
  const messages: Message[] = [];
  const talk = {
    sessionId: undefined as string | undefined,
    async say(content: string, stream: boolean): Promise<TurnResult> {
      messages.push({ role: "user", content });
      report.tell(`> ${content}`);
      const startedAtMs = performance.now();
      const response = await gateway.post("/v1/chat/completions", { stream, messages });
      if (response.status !== 200) throw new TurnFailed(`${response.status}: ${errorIn(await response.text())}`);
      const text = stream ? await readStreamed(response, report, startedAtMs) : await readWhole(response);
      report.tell(`< ${text.replace(/\s+/g, " ").trim().slice(0, 100)}`);
      report.tell(`${Math.round(performance.now() - startedAtMs)} ms`);
      messages.push({ role: "assistant", content: text });
      const sessionId = response.headers.get("x-session-id");
      talk.sessionId = sessionId ?? undefined;
      return { text, sessionId, session: sessionId === null ? undefined : await gateway.session(sessionId) };
    },
  };
  return talk;
}

async function readWhole(response: Response): Promise<string> {
  // The shape is what every client relies on.
  const body = (await response.json()) as { choices: readonly { message: { content: string | null } }[] };
  return body.choices[0]?.message.content ?? "";
}

async function readStreamed(response: Response, report: Verification, startedAtMs: number): Promise<string> {
  const type = response.headers.get("content-type") ?? "";
  report.verify("the headers are those of an event stream", type.startsWith("text/event-stream"), type);
  const arrivals: number[] = [];
  let body = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    body += decoder.decode(chunk, { stream: true });
    arrivals.push(performance.now() - startedAtMs);
  }
  const stream = parseChatStream(body);
  if (stream.error !== undefined) throw new TurnFailed(stream.error.message);
  report.tell(`first words after ${Math.round(arrivals[0] ?? 0)} ms, ${arrivals.length} arrivals`);
  report.verify("the words arrived bit by bit", arrivals.length > 1, arrivals.length);
  report.verify("the answer says why it ended", stream.finishReasons.join() === "stop", stream.finishReasons);
  report.verify(
    "the last frame is [DONE]",
    body.endsWith("data: [DONE]\n\n") && stream.doneCount === 1,
    body.slice(-80),
  );
  return stream.text;
}

function errorIn(text: string): string {
  try {
    // The shape is what the surface promises.
    return (JSON.parse(text) as { error: { message: string } }).error.message;
  } catch {
    // Not the gateway's own answer: shown as it is.
    return text.slice(0, 200);
  }
}
