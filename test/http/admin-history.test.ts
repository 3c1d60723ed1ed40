// The history of all callers by the admin routes: listed, searched, looked at, exported, deleted, and nobody's by other ways.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { callerOfKey } from "../../src/server/auth/api-keys.ts";
import {
  type AdminError,
  apiKey,
  ask,
  changesOf,
  findOpenDoors,
  findOpenLoopback,
  guarded,
  send,
} from "../support/admin-client.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { bearer } from "../support/keys-beside.ts";
import { user } from "./client.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(60_000);

const routes = [
  ["GET", "history"],
  ["DELETE", "history?all=true"],
  ["GET", "history/export"],
  ["GET", "history/hist_1"],
  ["DELETE", "history/hist_1"],
] as const;
const otherKey = "key-of-another-client-0002";
const [one, other] = [callerOfKey(apiKey), callerOfKey(otherKey)];

interface Told {
  readonly id: string;
  readonly caller: string;
  readonly model: string;
  readonly request: { readonly messages: readonly { readonly text: string }[] } | null;
}

interface Listed {
  readonly data: readonly Told[];
  readonly has_more: boolean;
  readonly next: string | null;
  readonly deleted: number;
}

/** Two callers, two exchanges each. */
async function startKept(): Promise<Harness> {
  const API_KEY = `${apiKey},${otherKey}`;
  const harness = await startHarness({ environment: { ...guarded, API_KEY, HISTORY: "content" } });
  for (const [key, words] of [
    [apiKey, "Apricots"],
    [otherKey, "Kumquats"],
    [apiKey, "Lychees"],
    [otherKey, "Lychees as well"],
  ] as const) {
    const answer = await harness.chat({ model: "qwen3-max", messages: [user(words)] }, { headers: bearer(key) });
    expect(answer.status).toBe(200);
    await answer.text();
  }
  return harness;
}

const list = async (harness: Harness, query = "") => (await ask<Listed>(harness, "GET", `history${query}`)).body;
const remove = (harness: Harness, path: string) => ask<Listed & AdminError>(harness, "DELETE", `history${path}`);

describe("history", () => {
  test("exchanges of all callers are listed, of whom each is, filtered and searched", async () => {
    await using harness = await startKept();

    expect((await list(harness)).data.map(({ caller }) => caller)).toEqual([other, one, other, one]);
    expect((await list(harness, `?caller=${one}`)).data.map(({ caller }) => caller)).toEqual([one, one]);
    expect((await list(harness, "?q=lychees&order=asc")).data.map(({ caller }) => caller)).toEqual([one, other]);
    expect((await list(harness, `?q=lychees&caller=${other}`)).data.map(({ caller }) => caller)).toEqual([other]);
    expect((await list(harness, "?model=none")).data).toEqual([]);
    expect((await list(harness, "?caller=nobody")).data).toEqual([]);
  });

  test("pages lead through all of it by next", async () => {
    await using harness = await startKept();
    const seen: string[] = [];
    let after = "";
    for (let page = await list(harness, "?limit=3"); ; page = await list(harness, `?limit=3${after}`)) {
      seen.push(...page.data.map(({ id }) => id));
      expect(page.has_more).toBe(page.next !== null);
      if (page.next === null) break;
      after = `&after=${page.next}`;
    }

    expect(seen).toEqual((await list(harness)).data.map(({ id }) => id));
  });

  test("one is shown with what was said, and all are exported", async () => {
    await using harness = await startKept();
    const [newest] = (await list(harness)).data;

    const shown = await ask<Told>(harness, "GET", `history/${newest!.id}`);
    expect(shown.body).toMatchObject({ caller: other, request: { messages: [{ text: "Lychees as well" }] } });
    const exported = await send(harness, "GET", "history/export");
    expect(exported.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await exported.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Told);
    expect(lines.map(({ caller, request }) => [caller, request?.messages[0]?.text])).toEqual([
      [one, "Apricots"],
      [other, "Kumquats"],
      [one, "Lychees"],
      [other, "Lychees as well"],
    ]);
    const ofOne = await (await send(harness, "GET", `history/export?caller=${one}&q=lychees`)).text();
    expect(ofOne.trimEnd().split("\n")).toHaveLength(1);
  });

  test("one is deleted, some by a filter, all of a caller or of everybody only when that is said", async () => {
    await using harness = await startKept();
    const [newest] = (await list(harness)).data;

    expect((await remove(harness, `/${newest!.id}`)).body).toMatchObject({ id: newest!.id, deleted: true });
    expect((await remove(harness, `/${newest!.id}`)).status).toBe(404);
    expect((await remove(harness, "?q=apricots")).body.deleted).toBe(1);
    for (const path of ["", `?caller=${one}`]) {
      const { status, body } = await remove(harness, path);
      expect([path, status, body.error.param]).toEqual([path, 400, "all"]);
    }
    expect((await remove(harness, `?caller=${one}&all=true`)).body.deleted).toBe(1);
    expect((await list(harness)).data.map(({ caller }) => caller)).toEqual([other]);
    expect((await remove(harness, "?all=true")).body.deleted).toBe(1);
    expect((await list(harness)).data).toEqual([]);
    expect(changesOf(harness).map(({ deleted }) => deleted)).toEqual([undefined, 1, 1, 1]);
  });

  test.each([
    ["caller=", "caller"],
    ["caller=a&caller=b", "caller"],
    [`caller=${"x".repeat(301)}`, "caller"],
    ["modle=x", "modle"],
    ["status=2xx", "status"],
    ["limit=0", "limit"],
    ["q=%21", "q"],
  ])("the question %s is refused and names its field", async (question, param) => {
    await using harness = await startHarness({ environment: guarded });

    const { status, body } = await ask(harness, "GET", `history?${question}`);

    expect([status, body.error.param]).toEqual([400, param]);
  });

  test("where nothing was ever kept there is nothing, and no file", async () => {
    await using harness = await startHarness({ environment: guarded });

    expect((await list(harness)).data).toEqual([]);
    expect((await ask(harness, "GET", "history/hist_1")).status).toBe(404);
    expect((await remove(harness, "?all=true")).body.deleted).toBe(0);
    expect(await (await send(harness, "GET", "history/export")).text()).toBe("");
  });

  test("nobody else comes in, a caller of what is kept included, and no page of another site", async () => {
    await using harness = await startKept();
    expect(await findOpenDoors(harness, routes)).toEqual([]);
    expect((await list(harness)).data).toHaveLength(4);

    await using open = await startHarness({ environment: { HISTORY: "content" } });
    expect(await findOpenLoopback(open, routes)).toEqual([]);
  });
});
