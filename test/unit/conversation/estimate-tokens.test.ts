// The estimate against what Qwen3's tokenizer counts: each count here was told by its own vocabulary.

import { expect, test } from "bun:test";
import { estimatedTokensOf, estimateTokens } from "../../../src/conversation/estimate-tokens.ts";

test.each([
  [
    "english",
    58,
    "The gateway keeps the conversation, keeps the stream alive, and loses nothing. It speaks the protocols that clients already speak, and behind it whatever serves the model. When a request fails before its first word has been sent, another account is asked; afterwards the failure is told in the stream.",
  ],
  [
    "german",
    65,
    "Das Programm steht zwischen beliebigen Anwendungen und dem Sprachmodell. Es merkt sich, welche Teile eines Gesprächs schon gesendet worden sind, und schickt nur das Neue. Bricht die Verbindung ab, so erfährt es der Benutzer mit einer verständlichen Meldung.",
  ],
  [
    "typescript",
    81,
    'export function createClient(options: ClientOptions = {}): Client {\n  const { baseUrl, apiKey, maxRetries = 2 } = options;\n  if (apiKey === undefined) throw new Error("Cannot connect: there is no key");\n  return { get: (path) => fetch(baseUrl + path, { headers: { authorization: "Bearer " + apiKey } }), maxRetries };\n}\n',
  ],
  [
    "a JSON schema",
    78,
    '{"name":"read_file","description":"Reads a file and returns its content as text.","input_schema":{"type":"object","properties":{"file_path":{"type":"string","description":"Where it lies, absolute."},"offset":{"type":"integer","minimum":0},"limit":{"type":"integer","maximum":2000}},"required":["file_path"],"additionalProperties":false}}',
  ],
  [
    "Chinese",
    43,
    "网关位于任意客户端与通义千问之间。它记住对话中已经发送过的内容，只发送新的部分。如果连接中断，用户会收到清楚的提示，而不会丢失任何内容。",
  ],
  [
    "Japanese",
    48,
    "このプログラムはクライアントと言語モデルの間に立ち、会話のうちすでに送信された部分を覚えて、新しい部分だけを送ります。接続が切れた場合は、わかりやすいメッセージが表示されます。",
  ],
  [
    "Korean",
    58,
    "이 프로그램은 클라이언트와 언어 모델 사이에서 이미 전송된 대화 내용을 기억하고 새로운 부분만 보냅니다. 연결이 끊어지면 사용자에게 알기 쉬운 메시지를 보여 줍니다.",
  ],
  [
    "Russian",
    56,
    "Программа стоит между клиентами и языковой моделью. Она помнит, какие части разговора уже отправлены, и посылает только новое. Если соединение обрывается, пользователь получает понятное сообщение.",
  ],
  [
    "hashes",
    168,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nsha512-9Zy1Yz2mV3oSPDVBBJ8yLhRIRkNgoUyfjFxJdUWVNDCdPzMgpZ6dIu2qCoZnTtTg1hQwNOtfBKMCFUtBzvw3gA==\n550e8400-e29b-41d4-a716-446655440000",
  ],
  ["numbers", 93, "3.14159 2.71828 1.41421 1.73205 2.23606 12345678 2026-11-27T09:31:00.123Z 10.0.0.1:8787 0xdeadbeef"],
  [
    "a log",
    93,
    "2026-11-27T09:31:00.123Z INFO req_4f2a GET /v1/models 200 12.4ms\n2026-11-27T09:31:01.871Z WARN req_4f2b POST /v1/messages 429 3.1ms\n",
  ],
])("estimateTokens of %s is within a quarter of %d", (_, counted, text) => {
  expect(Math.abs(estimateTokens(text) / counted - 1)).toBeLessThan(0.25);
});

test("estimateTokens counts nothing for nothing and something for anything", () => {
  expect(estimateTokens("")).toBe(0);
  for (const text of ["a", " ", "\n", "é", "你", "🙂", "\ud83d", "\0"])
    expect([text, estimateTokens(text)]).toEqual([text, expect.any(Number)]);
  expect(estimateTokens("a")).toBe(1);
});

test("estimateTokens grows with what is added", () => {
  let text = "";
  let before = 0;
  for (const piece of ["Hello", " wörld", " 12", "!", "\n  if", " (x)", " 你好", " fi", "nally"]) {
    text += piece;
    expect(estimateTokens(text)).toBeGreaterThanOrEqual(before);
    before = estimateTokens(text);
  }
});

test("estimateTokens of one endless word is linear and ends", () => {
  expect(estimateTokens("a".repeat(1_000_000))).toBeLessThan(300_000);
  expect(estimateTokens(" ".repeat(1_000_000))).toBe(2);
});

test("estimatedTokensOf takes four bytes for a token", () => {
  expect(estimatedTokensOf(10)).toBe(3);
});
