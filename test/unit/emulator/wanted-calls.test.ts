// Which tools the emulator calls for a text: those that it names, and, for a command of the agent, the one that fits.

import { expect, test } from "bun:test";
import { wantedCalls } from "../../../src/emulator/wanted-calls.ts";

const text = { type: "string" };
const taking = (...names: string[]) => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, text])),
  required: names,
});
const tools = [
  { name: "list_directory", description: "Lists all files of a folder", parameters: taking("path") },
  { name: "list_directory_with_sizes", description: "Lists all files and their sizes", parameters: taking("path") },
  { name: "create_event", description: "Adds an event to the calendar", parameters: taking("title") },
  { name: "delete_event", description: "Deletes an event of the calendar", parameters: taking("title") },
];
const command = (said: string) => `<request 0123abcd>\n${said}\n</request 0123abcd>`;

test.each([
  ["List the files in /tmp.", "list_directory", { path: "/tmp" }],
  ["Create an event 'Lunch' in my calendar", "create_event", { title: "Lunch" }],
  ["Call delete_event with title=Lunch", "delete_event", { title: "Lunch" }],
])("wantedCalls carries out a command of the agent: %s", (said, name, input) => {
  expect(wantedCalls(command(said), tools)).toEqual([{ name, arguments: input }]);
});

test.each(["Good morning", "What about the event?", "Tell me of the calendar"])(
  "wantedCalls calls nothing where no tool fits better than the others: %s",
  (said) => expect(wantedCalls(command(said), tools)).toEqual([]),
);

test("wantedCalls wants names where no agent asks", () => {
  expect(wantedCalls("List the files in /tmp", tools)).toEqual([]);
});
