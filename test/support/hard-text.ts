// A text that readers of event streams get wrong: line ends of all kinds, what frames are made of, and signs of one to four
// bytes, in pieces that cut none of it where one would expect.

export const hardPieces: readonly string[] = [
  "Line one\nline two\r\n",
  "\ndata: [DONE]\n\nevent: error\n",
  ": no comment\nid: 7\nretry: 1\n",
  "é 你好 🙂 👩‍👩‍👧",
  "\u2028\u2029\u0085\ufeff\u0000",
  ' "quoted" \\ back\tslash </s> {"a":1}',
  " end.",
];

export const hardText = hardPieces.join("");
