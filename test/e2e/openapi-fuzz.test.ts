// An outsider's tool: it has the address of the compiled executable and keys, reads /openapi.json over HTTP, and calls each
// operation as the document allows and against each of its rules. What comes back is judged by the document alone.
// PROPERTY_SEED repeats a run, PROPERTY_FACTOR makes it longer, FUZZ_ONLY keeps to the cases whose name holds it.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { patienceMs, quietRunsOf } from "../property/runs.ts";
import { type EmulatorProcess, startEmulatorProcess } from "../support/emulator-process.ts";
import { fakeProcess } from "../support/fake-mcp.ts";
import { secrets } from "../support/hostile/app-under-attack.ts";
import { readSome } from "../support/hostile/read-some.ts";
import { type NamedOperation, type OpenapiDocument, operationsOf } from "../support/openapi.ts";
import { makeThings } from "../support/openapi-things.ts";
import { asCurl, type FuzzAnswer, type FuzzRequest } from "../support/openapi-fuzz/fuzz-request.ts";
import { judgeFuzz } from "../support/openapi-fuzz/judge-fuzz.ts";
import { casesOf, type FuzzCase } from "../support/openapi-fuzz/operation-cases.ts";
import { startStage, type Stage } from "./stage.ts";

setDefaultTimeout(patienceMs * 6);

const maxBodyBytes = 300_000;
/** The largest body of any operation, files aside: a HAR file for administrators. */
const tooManyBytes = 8 * 1024 * 1024 + 1;
/** Beyond it an answer counts as none. */
const longestAnswerMs = 20_000;

/** On a machine that is busy each case is tried at least once, and behind this time no more. */
const quickMs = patienceMs;

const plain = { authorization: `Bearer ${secrets.apiKey}` };
const admin = { authorization: `Bearer ${secrets.adminKey}` };
const only = process.env["FUZZ_ONLY"] ?? "";

let compatible: EmulatorProcess;
let stage: Stage;
let document: OpenapiDocument;
beforeAll(async () => {
  compatible = await startEmulatorProcess(["--dialect", "vllm", "--keys", secrets.upstreamKey]);
  const { target } = fakeProcess({ tools: [{ name: "read_note", text: "Milk" }] });
  const notes = target.kind === "stdio" ? { command: target.command, args: target.args } : {};
  stage = await startStage({
    environment: {
      API_KEY: secrets.apiKey,
      ADMIN_KEY: secrets.adminKey,
      QWEN_TOKEN: secrets.qwenToken,
      QWEN_COOKIES: `sid=${secrets.qwenCookie}`,
      JWT_SECRET: secrets.jwtSecret,
      MASTER_KEY: secrets.masterKey,
      UPSTREAM_BASE_URL: compatible.url,
      UPSTREAM_DIALECT: "vllm",
      UPSTREAM_API_KEY: secrets.upstreamKey,
      MCP_SERVERS: JSON.stringify({ notes: { ...notes, env: { NOTES_TOKEN: secrets.toolServerWord } } }),
      HISTORY: "content",
      MAX_BODY_BYTES: String(maxBodyBytes),
      LOG_LEVEL: "debug",
      LOG_FORMAT: "json",
      RETRY_BASE_DELAY_MS: "1",
      RETRY_MAX_DELAY_MS: "2",
      ACCOUNT_COOLDOWN_MAX_MS: "1",
    },
  });
  // Ours, and checked by test/http/openapi.test.ts.
  document = (await (await stage.get("/openapi.json", plain)).json()) as OpenapiDocument;
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await compatible[Symbol.asyncDispose]();
});

async function send({ method, target, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  const response = await fetch(stage.gateway.url + target, {
    method,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    redirect: "manual",
    signal: AbortSignal.timeout(longestAnswerMs),
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, text: await readSome(response) };
}

let slowFromMs = Number.POSITIVE_INFINITY;
let cases = 0;
let requests = 0;
const exampleEnd = " as its example";
const refusedExamples: string[] = [];
let linesSeen = 0;

/** Some come late: they are looked at with the next answer. */
function newLogLines(): string {
  const lines = stage.gateway.errors.slice(linesSeen);
  linesSeen += lines.length;
  return lines.join("\n");
}

/** Whatever is fuzzed beside these was reached, and not refused for want of something to find. */
const refused = [
  // Nobody here serves it.
  "POST /v1/audio/transcriptions",
  "POST /v1/audio/translations",
  "POST /v1/audio/speech",
  // It does not run in the background.
  "POST /v1/responses/{id}/cancel",
  // OpenAI's clients tell a purpose, Anthropic's do not.
  "POST /v1/files",
  // Neither a filter nor all=true.
  "DELETE /v1/history",
  "DELETE /admin/api/history",
  // It was not revoked before; nobody has used anything under that name.
  "DELETE /admin/api/keys/{key}",
  "POST /admin/api/limits/reset",
  // The agent has asked nothing, and no reply runs.
  "POST /api/agent/confirm",
  "DELETE /api/agent/confirm/{id}",
  "POST /api/voice/confirm",
  "DELETE /api/voice/confirm/{id}",
  "DELETE /admin/api/streams/{id}",
  // A page for browsers, which say that they want one.
  "GET /",
  // It belongs to the caller who has the key, and has to be asked for by his name.
  "GET /admin/api/sessions/{id}",
  "DELETE /admin/api/sessions/{id}",
];

/** @returns what is wrong, with the request that shows it */
async function problemsOf(
  operation: NamedOperation,
  { name, expects }: FuzzCase,
  request: FuzzRequest,
): Promise<string> {
  let told: string;
  try {
    const answer = await send(request);
    requests++;
    if (name.endsWith(exampleEnd) && answer.status >= 400)
      refusedExamples.push(`${operation.method} ${operation.path}`);
    const problems = judgeFuzz(document, operation, expects, answer, newLogLines());
    if (problems.length === 0) return "";
    told = `${problems.join("\n")}\n-> ${answer.status} ${answer.text.slice(0, 500)}`;
  } catch (error) {
    told = `no answer: ${error}`;
  }
  return `${name}\n${told}\n${asCurl(stage.gateway.url, request)}`;
}

/** What administrators have changed is as it was, so that the next operation finds what it works with. */
async function tidy(): Promise<void> {
  const list = async <Item>(path: string): Promise<readonly Item[]> =>
    ((await (await stage.get(path, admin)).json()) as { data: readonly Item[] }).data;
  for (const { name } of await list<{ name: string }>("/admin/api/upstreams"))
    await stage.post(`/admin/api/upstreams/${encodeURIComponent(name)}/resume`, {}, { headers: admin });
  for (const { id, source } of await list<{ id: string; source: string | null }>("/admin/api/accounts")) {
    const path = `/admin/api/accounts/${encodeURIComponent(id)}`;
    if (source === "added") await fetch(stage.gateway.url + path, { method: "DELETE", headers: admin });
    else await stage.post(`${path}/resume`, {}, { headers: admin });
  }
}

/** @returns the reports of what failed */
async function fuzz(operation: NamedOperation): Promise<readonly string[]> {
  const keys = { plain: secrets.apiKey, admin: secrets.adminKey };
  const ids = await makeThings({ url: stage.gateway.url, headers: plain, adminHeaders: admin });
  const reports: string[] = [];
  for (const one of casesOf(document, operation, { keys, ids, tooManyBytes })) {
    if (!one.name.includes(only)) continue;
    cases++;
    let last = "";
    const runs = quietRunsOf(performance.now() < slowFromMs ? one.runs : 1);
    const { failed } = await fc.check(
      fc.asyncProperty(one.request, async (request) => {
        last = (await problemsOf(operation, one, request)) || last;
        return last === "";
      }),
      // Shrunk, a case would find other things than those that it was made for.
      { ...runs, endOnFailure: true },
    );
    if (failed)
      reports.push(
        `${last}\nPROPERTY_SEED=${runs.seed} FUZZ_ONLY=${JSON.stringify(one.name)} bun test ./test/e2e/openapi-fuzz.test.ts`,
      );
  }
  return reports;
}

describe("every operation of /openapi.json", () => {
  test("answers as it is documented, whatever it is sent, and the gateway lives [R2-088]", async () => {
    const reports: string[] = [];
    slowFromMs = performance.now() + quickMs;
    for (const operation of operationsOf(document)) {
      reports.push(...(await fuzz(operation)));
      await tidy();
      expect((await stage.get("/health")).status).toBe(200);
    }
    console.log(`${cases} cases, ${requests} requests, PROPERTY_SEED=${quietRunsOf(1).seed}`);

    // Not compared as a text: what tells two long ones apart takes longer than the test.
    if (reports.length > 0) throw new Error(reports.join("\n\n"));
    // What keeps to some cases by FUZZ_ONLY has fewer.
    if (only === "") expect(refusedExamples.toSorted()).toEqual(refused.toSorted());
  });
});
