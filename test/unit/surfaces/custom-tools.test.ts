// The free text of a custom tool, whatever the model made of the function that stands for it.

import { describe, expect, test } from "bun:test";
import { customArguments, customInput } from "../../../src/surfaces/custom-tools.ts";

describe("customInput", () => {
  test.each([
    ["whole", '{"input": "a\\nb"}', "a\nb"],
    ["beside other arguments", '{"note": 1, "input": "a"}', "a"],
    ["in the place of the arguments", '"a\\nb"', "a\nb"],
    ["without JSON", "*** Begin\na", "*** Begin\na"],
    ["in another argument", '{"patch": "a"}', '{"patch": "a"}'],
    ["of another kind", '{"input": 1}', '{"input": 1}'],
    ["none", "", ""],
  ])("%s", (_name, argumentsText, input) => {
    expect(customInput(argumentsText)).toBe(input);
  });

  test("is a beginning of the text wherever the answer was cut off in it", () => {
    const whole = 'a\n"b" \\ é 😀\u0001';
    const json = JSON.stringify({ input: whole }).replace("é", "\\u00e9");
    const begun = '{"input":"'.length;
    for (let end = begun; end <= json.length; end++) {
      const input = customInput(json.slice(0, end));
      // Half of a letter of two units may stand at its end.
      expect(whole.startsWith(input)).toBe(true);
    }
    expect(customInput(json.slice(0, -1))).toBe(whole);
    expect(customInput(json.slice(0, -2))).toBe(whole);
  });

  test("is what was written where that is broken in its middle", () => {
    for (const broken of ['{"input": "a "b" c"', '{"input": "a "b"', '{"input": "a\nb']) {
      expect(customInput(broken)).toBe(broken);
    }
  });

  test("undoes customArguments", () => {
    for (const input of ["", "a", '"', '{"input":"a"}', "\u2028"])
      expect(customInput(customArguments(input))).toBe(input);
  });
});
