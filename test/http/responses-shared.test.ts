// Clients that send their whole history with each turn, and have their responses kept: what a turn adds is written, and what is
// read is whole.

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Harness, startHarness } from "../support/harness.ts";
import { bodyOf } from "./client.ts";
import { outputOf, respond, user, weather } from "./responses-client.ts";

type Item = Readonly<Record<string, unknown>>;

/** Long enough that its beginning is known again. */
const history = (turns: number): Item[] =>
  Array.from({ length: turns }, (_, at) => [
    user(`Say word ${at}. ${"A question of some words. ".repeat(10)}`),
    { role: "assistant", content: `word ${at}` },
  ]).flat();
const whole = (turns: number): Item[] => history(turns + 1).slice(0, -1);

async function inputOf(harness: Harness, id: string): Promise<readonly Item[]> {
  const page = await bodyOf(await harness.get(`/v1/responses/${id}/input_items?order=asc&limit=100`));
  // The shape is what the tests assert.
  return (JSON.parse(page) as { data: Item[] }).data;
}

/** What stands in it, without the ids and what else is made of it. */
const texts = (items: readonly Item[]): unknown[] =>
  items.map(({ content }) => (typeof content === "string" ? content : (content as { text: string }[])[0]!.text));

/** How many items the rows hold, the oldest first. */
function keptItems(harness: Harness): number[] {
  using database = new Database(join(harness.dataDir, "chat.db"), { readonly: true });
  const rows = database.query<{ n: number }, []>("SELECT json_array_length(input) AS n FROM responses ORDER BY rowid");
  return rows.all().map(({ n }) => n);
}

describe("a history that is sent anew with each turn", () => {
  test.each([true, false])("is written once, and told with each response, stream %p", async (stream) => {
    await using harness = await startHarness();
    const ids: string[] = [];
    for (const turns of [6, 7, 8]) ids.push((await respond(harness, { stream, input: whole(turns) })).id);

    expect(keptItems(harness)).toEqual([13, 2, 2]);
    for (const [index, id] of ids.entries()) {
      const items = await inputOf(harness, id);
      expect(texts(items)).toEqual(texts(whole(6 + index)));
      const places = items.map((_, at) => `msg_${id.slice(5)}${(0x8000 + at).toString(16)}`);
      expect(items.map((item) => item["id"])).toEqual(places);
    }
    const before = await inputOf(harness, ids[2]!);
    await harness.restart();
    for (const id of ids.slice(0, 2)) await fetch(`${harness.url}/v1/responses/${id}`, { method: "DELETE" });
    expect(await inputOf(harness, ids[2]!)).toEqual(before);
  });

  test("is written once in the background as well, and past turns that are not kept", async () => {
    await using harness = await startHarness();
    await respond(harness, { background: true, input: whole(6) });
    await respond(harness, { store: false, input: whole(7) });
    expect((await harness.post("/v1/responses", { input: [...whole(8), { role: "nobody" }] })).status).toBe(400);
    const { id } = await respond(harness, { background: true, input: whole(9) });

    expect(keptItems(harness)).toEqual([13, 6]);
    expect(texts(await inputOf(harness, id))).toEqual(texts(whole(9)));
  });

  test("is gone on from, and its items are referred to, by the ids of any response", async () => {
    await using harness = await startHarness();
    const name = "My name is Ada.";
    const beginning = [user(name), { role: "assistant", content: "Hello Ada." }, ...history(5)];
    await respond(harness, { input: beginning });
    const { id } = await respond(harness, { input: [...beginning, user("Say two")] });
    expect(keptItems(harness)).toEqual([12, 1]);
    const [first] = await inputOf(harness, id);

    const next = await respond(harness, { input: "What is my name?", previous_response_id: id });
    const referring = [{ type: "item_reference", id: first!["id"] }, user("What is my name?")];
    expect([next.text, (await respond(harness, { input: referring })).text]).toEqual([
      expect.stringContaining("Ada"),
      expect.stringContaining("Ada"),
    ]);
  });

  test("is told as far as it is sent, where references stand in it", async () => {
    await using harness = await startHarness();
    const first = await respond(harness, { tools: [weather], input: "Call get_weather with city=Paris" });
    const call = first.items.at(-1)!;
    const beginning: Item[] = [
      ...history(2),
      user("Call get_weather with city=Paris"),
      { type: "item_reference", id: call.id },
      outputOf(call, "sunny") as Item,
      ...history(4),
    ];
    await respond(harness, { tools: [weather], input: beginning });
    const { id } = await respond(harness, { tools: [weather], input: [...beginning, user("Say two")] });

    expect(keptItems(harness)).toEqual([1, 15, 16]);
    const items = await inputOf(harness, id);
    expect(items[5]).toEqual(call);
    expect(texts(items.slice(7))).toEqual(texts([...history(4), user("Say two")]));
  });

  test("is written anew where it does not go on from all that was sent before, as examples do not", async () => {
    await using harness = await startHarness();
    for (const word of ["one", "two", "two"]) {
      await respond(harness, { input: [...history(6), user(`Say ${word}`)] });
    }

    expect(keptItems(harness)).toEqual([13, 13, 0]);
  });

  test("is deleted with its session, and sent again it is kept again", async () => {
    await using harness = await startHarness();
    const headers = { "x-session-id": "mine" };
    const ids: string[] = [];
    for (const turns of [6, 7]) ids.push((await respond(harness, { input: whole(turns) }, headers)).id);
    expect((await fetch(`${harness.url}/v1/sessions/mine`, { method: "DELETE" })).status).toBeLessThan(300);

    expect(keptItems(harness)).toEqual([]);
    const { id } = await respond(harness, { input: whole(8) });
    expect(keptItems(harness)).toEqual([17]);
    expect(texts(await inputOf(harness, id))).toEqual(texts(whole(8)));
  });

  test("is not shared with another caller", async () => {
    await using harness = await startHarness({ environment: { API_KEY: "key-of-anna,key-of-bert" } });
    for (const name of ["anna", "bert"]) {
      await respond(harness, { input: whole(6) }, { authorization: `Bearer key-of-${name}` });
    }

    expect(keptItems(harness)).toEqual([13, 13]);
  });

  test("in a conversation its items have the ids of their response", async () => {
    await using harness = await startHarness();
    const made = (await (await harness.post("/v1/conversations", {})).json()) as { id: string };
    await respond(harness, { input: whole(6) });
    const { id } = await respond(harness, { input: whole(7), conversation: made.id });

    const listed = (await (await harness.get(`/v1/conversations/${made.id}/items?order=asc&limit=100`)).json()) as {
      data: Item[];
    };
    expect(listed.data.slice(0, 15)).toEqual([...(await inputOf(harness, id))]);
    const next = await respond(harness, { input: "Say ok", previous_response_id: id });
    expect(next.response["status"]).toBe("completed");
  });
});
