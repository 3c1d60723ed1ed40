// The grammar of flags.

import { expect, test } from "bun:test";
import { type Flag, UsageError } from "../../../src/cli/command.ts";
import { parseArguments } from "../../../src/cli/parse-arguments.ts";

const known: Flag[] = [
  { name: "port", value: "NUMBER", description: "" },
  { name: "api-key", value: "LIST", description: "" },
  { name: "insecure", description: "" },
];

function parse(...words: string[]) {
  return parseArguments(words, { flags: known }).flags;
}

function refusal(...words: string[]): string {
  try {
    parse(...words);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "";
}

test("parseArguments takes a value behind a space or an equals sign", () => {
  expect(parse("--port", "1", "--api-key=a=b")).toEqual({ port: "1", "api-key": "a=b" });
  expect(parse("--port", "-1")).toEqual({ port: "-1" });
  expect(parse("--port=")).toEqual({ port: "" });
  expect(parse()).toEqual({});
});

test("parseArguments takes a switch alone and with true or false", () => {
  expect(parse("--insecure")).toEqual({ insecure: "true" });
  expect(parse("--insecure", "--port", "1")).toEqual({ insecure: "true", port: "1" });
  expect(parse("--insecure", "false", "--port", "1")).toEqual({ insecure: "false", port: "1" });
  expect(parse("--insecure=false")).toEqual({ insecure: "false" });
});

test("parseArguments sees help wherever it stands", () => {
  for (const words of [["--help"], ["-h"], ["--port", "1", "--help"]]) {
    expect(parseArguments(words, { flags: known }).help).toBe(true);
  }
});

test("parseArguments names an unknown flag and the nearest known one, never a value", () => {
  expect(refusal("--prot", "1")).toBe("Unknown flag --prot: did you mean --port?");
  expect(refusal("--apikey=secret")).toBe("Unknown flag --apikey: did you mean --api-key?");
  expect(refusal("--something-else")).toBe("Unknown flag --something-else");
  expect(refusal("--insecure", "secret")).toBe('Unexpected argument 2: flags begin with "--" and take one value');
});

test("parseArguments refuses a missing value and a repeated flag", () => {
  expect(refusal("--port")).toBe("Flag --port needs a value: --port NUMBER");
  expect(refusal("--port", "--insecure")).toBe("Flag --port needs a value: --port NUMBER");
  expect(refusal("--api-key", "a", "--api-key", "b")).toBe(
    "Flag --api-key is given twice: a list is one value with commas",
  );
});

test("parseArguments is not confused by names of object members", () => {
  expect(refusal("--constructor", "x")).toBe("Unknown flag --constructor");
  expect(refusal("--__proto__=x")).toBe("Unknown flag --__proto__");
});

test("parseArguments gives what stands behind a lone -- as it is, where the command takes it", () => {
  const words = ["work", "--port", "1", "--", "npx", "-y", "--port", "2", "--"];

  const parsed = parseArguments(words, {
    flags: [...known, { name: "name", description: "" }],
    operand: "name",
    rest: "COMMAND",
  });

  expect(parsed).toEqual({ flags: { name: "work", port: "1" }, help: false, rest: ["npx", "-y", "--port", "2", "--"] });
  expect(refusal("--", "npx")).toBe("Unknown flag --");
});

test("parseArguments gathers the values of a flag that may repeat", () => {
  const flags: Flag[] = [{ name: "header", value: "TEXT", description: "", repeats: true }];

  expect(parseArguments(["--header", "a: 1", "--header=b: 2"], { flags }).flags).toEqual({ header: "a: 1\nb: 2" });
});
