// The digest that is fed byte by byte against the canonical text as a string: stored fingerprints keep their meaning.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalText } from "../../../src/conversation/canonical.ts";
import { fingerprintHistory } from "../../../src/conversation/fingerprints.ts";
import { TextDigest } from "../../../src/conversation/text-digest.ts";
import { assistant, call, result, system, textPart, user } from "./messages.ts";

const space = fc.constantFrom(
  " ",
  "  ",
  "\n",
  "\t",
  "\r\n",
  "\u00a0",
  "\u1680",
  "\u2003",
  "\u2028",
  "\u205f",
  "\u3000",
  "\ufeff",
);
const odd = fc.constantFrom(
  "\ud83d",
  "\ude00",
  "\u200b",
  "\u0085",
  "\0",
  "\b",
  "\\",
  '"',
  "/",
  "é",
  "你好",
  "🙂",
  "(no content)",
);
const piece = fc.oneof(space, odd, fc.string({ maxLength: 4 }), fc.string({ unit: "grapheme", maxLength: 4 }));
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
const messages = fc.array(fc.array(text, { maxLength: 4 }), { maxLength: 4 });

/** Each message in its pieces, which join without a gap. */
function expected(spoken: readonly (readonly string[])[]): string {
  const texts = spoken.map((pieces) => canonicalText({ ...assistant(""), content: pieces.map(textPart) }));
  const whole = texts.filter((one) => one !== "").join(" ");
  return whole === "" ? "" : new Bun.CryptoHasher("sha256").update(whole).digest("hex");
}

function digestOf(spoken: readonly (readonly string[])[], add: (digest: TextDigest, piece: string) => void): string {
  const digest = new TextDigest();
  for (const pieces of spoken) {
    for (const one of pieces) add(digest, one);
    digest.endMessage();
  }
  return digest.finish();
}

const spellings: Readonly<Record<string, (text: string) => string>> = {
  "JSON as JavaScript writes it": (said) => JSON.stringify(said),
  "JSON with every unit escaped": (said) =>
    `"${Array.from({ length: said.length }, (_, index) => `\\u${said.charCodeAt(index).toString(16).padStart(4, "0")}`).join("")}"`,
  "JSON with upper-case digits and escaped slashes": (said) =>
    JSON.stringify(said).replaceAll("/", "\\/").replaceAll("é", "\\u00E9"),
};

test("TextDigest of strings is the hash of the canonical text", () => {
  fc.assert(
    fc.property(messages, (spoken) => {
      expect(digestOf(spoken, (digest, one) => digest.add(one))).toBe(expected(spoken));
    }),
    { numRuns: 3000 },
  );
});

for (const [name, spell] of Object.entries(spellings)) {
  test(`TextDigest of ${name} is the hash of the canonical text`, () => {
    const add = (digest: TextDigest, one: string): void => {
      // Every other piece as a string, so that both kinds meet.
      if (one.length % 4 === 3) digest.add(one);
      else digest.addJson(Buffer.from(spell(one)).subarray(1, -1));
    };
    fc.assert(
      fc.property(messages, (spoken) => {
        expect(digestOf(spoken, add)).toBe(expected(spoken));
      }),
      { numRuns: 3000 },
    );
  });
}

test("TextDigest of texts longer than its block is the hash of the canonical text", () => {
  const unit = fc.constantFrom("\n \n", "\u3000", "🙂", "你", "\\", "é", "x");
  fc.assert(
    fc.property(fc.nat({ max: 9 }), unit, unit, (offset, one, other) => {
      const long = ` ${"a".repeat(offset)}${(one + other).repeat(20_000)}`;

      expect(digestOf([[long, long]], (digest, said) => digest.add(said))).toBe(expected([[long, long]]));
      const addJson = (digest: TextDigest, said: string): void =>
        digest.addJson(Buffer.from(JSON.stringify(said)).subarray(1, -1));
      expect(digestOf([[long, long]], addJson)).toBe(expected([[long, long]]));
    }),
    { numRuns: 40 },
  );
});

test("fingerprintHistory gives the fingerprints that are stored", () => {
  const image = {
    role: "user" as const,
    content: [textPart("look \u00a0 here"), { type: "image" as const, url: "data:," }],
  };
  const history = fingerprintHistory(
    "local",
    [
      system("Be\n\nbrief."),
      user("你好\t\t🙂 "),
      assistant("Hm. \ud83d", call("1", "read", '{"b":1,"a":2}')),
      result("1", "a\n file"),
      assistant("(No content)"),
      assistant("done"),
      image,
    ],
    [{ name: "read", description: undefined, parameters: { type: "object" } }],
  );

  const { openMessages: _open, tools: _tools, ...tip } = history.tip;
  expect({ ...history, tip }).toMatchInlineSnapshot(`
    {
      "assistantTurns": 2,
      "prefixes": [
        {
          "lastTurn": "a95b9de9954ba8ad7578f531fe5b999e8654682bf8a5942b1a61d99e010f127e",
          "loose": "02e2eb970de43ccc10ec4859080b4186e444233d8ada3a350e3156b8f9dad05f",
          "strict": "d9e2f8e5b01ba0624f46a4f1de78388e3293f2f71d00ff1eb0346670f0b7cb10",
          "unseenFrom": 6,
        },
        {
          "lastTurn": "cde49b42ef9ae21195a506e8c408e3a6efc9050662d3ca5b05326446f57fdf3d",
          "loose": "0936087b6831bc4cc049cd170f4188e3e7c4a6b04e1b5a51427d487c701f721c",
          "strict": "ce9b5a2660e547f83d3551dea7dc53221baccb1ea993c4f40c78fcc8c9c46091",
          "unseenFrom": 3,
        },
      ],
      "systemHashes": [
        "364686a95ca632b0da8370d12e8dc6ddb7e9c19400916e9bdba4a34e9b7cac2c",
      ],
      "systemIndexes": [
        0,
      ],
      "tip": {
        "loose": "2d24a15577dfd6ba67e90b5637603d8f14506f838e433a56ba9d970ad3bc5693",
        "scope": "705a0290486506ccad4acf8470635928bc0d9d1ba5ce9128cb691ea2ec26bdac",
        "strict": "2347b3f9a3f124227ce85f0247a276408153b0e6bf9591154f7a46ec2279e5b9",
      },
      "toolHashes": [
        "9cbd3d43956cd498f1fbb5fa203cf3771059b92d34e04b340f86a50dcd593fb1",
      ],
    }
  `);
});
