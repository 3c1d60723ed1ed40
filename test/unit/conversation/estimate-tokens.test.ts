// The estimate against counts that are roughly known.

import { expect, test } from "bun:test";
import { estimateTokens } from "../../../src/conversation/estimate-tokens.ts";

test("estimateTokens counts nothing for nothing and something for anything", () => {
  expect(estimateTokens("")).toBe(0);
  expect(estimateTokens("a")).toBe(1);
});

test("estimateTokens takes four ASCII characters for a token", () => {
  expect(estimateTokens("a".repeat(400))).toBe(100);
});

test("estimateTokens takes three ideographs for two tokens", () => {
  expect(estimateTokens("你好吗".repeat(100))).toBe(200);
  expect(estimateTokens("あア한、".repeat(3))).toBe(8);
});

test("estimateTokens takes an emoji for a token", () => {
  expect(estimateTokens("🙂".repeat(10))).toBe(10);
});

test("estimateTokens adds mixed text up", () => {
  expect(estimateTokens("abcd你好吗éé")).toBe(4);
});
