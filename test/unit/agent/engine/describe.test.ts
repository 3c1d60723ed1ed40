// What is told to people about what can be done.

import { describe, expect, test } from "bun:test";
import { setAgentStage } from "../../../support/agent-stage.ts";
import { calendar, objectSchema } from "../../../support/scripted-tools.ts";

const { signal } = new AbortController();

describe("capabilities", () => {
  test("lists the services with their commands and what these may do [R4-003]", async () => {
    const stage = setAgentStage({
      servers: { calendar: calendar(), down: {} },
      settings: { deny: ["calendar/create_*"] },
    });
    stage.tools.states["down"] = "failed";

    expect(await stage.engine.capabilities("anna", signal)).toEqual({
      services: [
        {
          ...{ name: "calendar", state: "ready", transport: "stdio", tools: 3, error: undefined },
          commands: [
            { name: "create_event", description: "Creates an event in the calendar", risk: "denied" },
            { name: "list_events", description: "Lists events of a day", risk: "read" },
            { name: "delete_event", description: "Deletes an event", risk: "destructive" },
          ],
        },
        { name: "down", state: "failed", transport: "stdio", tools: 0, error: undefined, commands: [] },
      ],
    });
  });
});

describe("examples", () => {
  test("are sentences of names and schemas, without what destroys [R4-004]", async () => {
    const stage = setAgentStage({
      servers: {
        calendar: calendar(),
        units: {
          convertTemperature: {
            schema: objectSchema({
              degrees: { type: "number" },
              fromUnit: { enum: ["celsius", "kelvin"] },
              to: { type: "string", examples: ["fahrenheit"] },
              more: { type: "string" },
            }),
          },
        },
      },
    });

    expect(await stage.engine.examples("anna", signal)).toEqual([
      'Create event with title "..." and start "tomorrow at 2 PM"',
      'Convert temperature with degrees 1, from unit "celsius" and to "fahrenheit"',
      "List events",
    ]);
  });

  test("are a dozen at most, some of each service", async () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`get_thing${index}`, {}]));
    const stage = setAgentStage({ servers: { many, calendar: calendar() } });

    const examples = await stage.engine.examples("anna", signal);

    expect(examples).toHaveLength(12);
    // In turn, as long as each has some.
    expect(examples.slice(0, 5)).toEqual([
      "Get thing0",
      'Create event with title "..." and start "tomorrow at 2 PM"',
      "Get thing1",
      "List events",
      "Get thing2",
    ]);
  });
});
