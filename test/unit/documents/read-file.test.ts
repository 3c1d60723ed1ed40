// Files to texts: which are taken, what of them is kept, and how the others are refused.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { DocumentFile } from "../../../src/documents/document-file.ts";
import { readFile } from "../../../src/documents/read-file.ts";
import { makePdf } from "./make-pdf.ts";

const maxBytes = 100_000;
const signal = new AbortController().signal;

function read(file: DocumentFile) {
  return readFile(file, maxBytes, signal);
}

/** The text of a file of that type. */
async function textOf(type: string, content: string | Uint8Array, name = "a"): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return (await read({ name, type, bytes })).text;
}

function ascii85(bytes: Buffer): string {
  const groups = Array.from({ length: Math.ceil(bytes.length / 4) }, (_, index) => {
    const four = Buffer.alloc(4);
    bytes.copy(four, 0, index * 4, index * 4 + 4);
    const value = four.readUInt32BE();
    if (value === 0) return "z";
    return String.fromCharCode(...[4, 3, 2, 1, 0].map((place) => (Math.floor(value / 85 ** place) % 85) + 33));
  });
  return `${groups.join("")}~>`;
}

async function refusalOf(file: DocumentFile): Promise<unknown> {
  return read(file).then(
    () => "taken",
    (error: unknown) => error,
  );
}

describe("the type", () => {
  test.each([
    ["text/plain; charset=utf-8", "a", "text/plain"],
    ["TEXT/Markdown", "a", "text/markdown"],
    ["text/x-markdown", "a", "text/markdown"],
    ["", "notes.md", "text/markdown"],
    ["application/octet-stream", "NOTES.TXT", "text/plain"],
    ["", "page.html", "text/html"],
    ["application/xhtml+xml", "a", "text/html"],
  ])("%p of a file named %p is %s", async (type, name, expected) => {
    const bytes = new TextEncoder().encode("Hello.");

    expect(await read({ name, type, bytes })).toMatchObject({ type: expected, text: "Hello.", bytes: 6 });
  });

  test("of text without one is plain, unless the name says otherwise", async () => {
    expect(await read({ name: "note", type: "", text: "Hello." })).toMatchObject({ type: "text/plain" });
    expect(await read({ name: "note.md", type: "", text: "Hello." })).toMatchObject({ type: "text/markdown" });
  });

  test.each([
    ["image/png", "a.png"],
    ["application/zip", "a.txt"],
    ["", "a"],
    ["", "a.docx"],
    ["application/octet-stream", "a.bin"],
  ])("%p of a file named %p is refused", async (type, name) => {
    const refusal = await refusalOf({ name, type, bytes: new TextEncoder().encode("Hello.") });

    expect(refusal).toMatchObject({ kind: "invalid-request", param: "file" });
    expect(String(refusal)).toContain("file must be plain text, Markdown, HTML or PDF");
  });

  test.each(["application/pdf", "image/png"])("%p of text is refused", async (type) => {
    expect(await refusalOf({ name: "a", type, text: "Hello." })).toMatchObject({
      kind: "invalid-request",
      param: "type",
    });
  });
});

describe("the name", () => {
  test.each([
    ["C:\\Users\\me\\notes.txt", "notes.txt"],
    ["../../etc/notes.txt", "notes.txt"],
    ["a\r\nb\0.txt", "a b .txt"],
    ["", "document"],
    ["folder/", "document"],
    ["n".repeat(300), "n".repeat(200)],
  ])("%p becomes %p", async (name, expected) => {
    expect((await read({ name, type: "text/plain", text: "Hello." })).name).toBe(expected);
  });
});

describe("plain text", () => {
  test("comes with line feeds, without a byte order mark, and without white space around it", async () => {
    expect(await textOf("text/plain", "\ufeff\r\n One\r\nTwo\rThree\n\n")).toBe("One\nTwo\nThree");
  });

  test.each([
    ["UTF-16, little endian", [0xff, 0xfe, 0x48, 0, 0x60, 0x4f]],
    ["UTF-16, big endian", [0xfe, 0xff, 0, 0x48, 0x4f, 0x60]],
  ])("of %s is told by its byte order mark", async (_, bytes) => {
    expect(await textOf("text/plain", Uint8Array.from(bytes))).toBe("H你");
  });

  test("of another charset is read when its type names it", async () => {
    expect(await textOf("text/plain; charset=iso-8859-1", Uint8Array.from([0x63, 0x61, 0x66, 0xe9]))).toBe("café");
    expect(await textOf('text/plain; charset="GBK"', Uint8Array.from([0xc4, 0xe3]))).toBe("你");
  });

  test.each([
    ["invalid UTF-8", "text/plain", [0x63, 0x61, 0x66, 0xe9], "file is not text in utf-8; save it as UTF-8"],
    ["half a character", "text/plain", [0x61, 0xe4, 0xbd], "file is not text in utf-8"],
    ["zero bytes", "text/plain", [0x61, 0, 0x62], "file is not text: it has zero bytes"],
    ["an odd UTF-16", "text/plain", [0xff, 0xfe, 0x48], "file is not text in utf-16le"],
    ["an unknown charset", "text/plain; charset=klingon", [0x61], "charset in its type that is unknown"],
    ["nothing", "text/plain", [], "file has no words in it"],
    ["white space and signs", "text/plain", [0x20, 0x0a, 0x2d, 0x21], "file has no words in it"],
  ])("of %s is refused", async (_, type, bytes, reason) => {
    const refusal = await refusalOf({ name: "a.txt", type, bytes: Uint8Array.from(bytes) });

    expect(refusal).toMatchObject({ kind: "invalid-request", param: "file" });
    expect(String(refusal)).toContain(reason);
  });

  test("has whole characters also where the client sent half ones", async () => {
    expect((await read({ name: "a", type: "", text: "a\ud83d b" })).text).toBe("a\ufffd b");
  });

  test("is refused beyond the limit, and by the name of its field", async () => {
    expect(await refusalOf({ name: "a", type: "", text: "é".repeat(maxBytes / 2 + 1) })).toMatchObject({
      kind: "too-large",
      param: "text",
    });
  });
});

describe("Markdown", () => {
  test("loses front matter, comments, addresses and definitions; headings, tables and code stay", async () => {
    const text = [
      "---",
      "title: x",
      "---",
      "# Lease <!-- draft -->",
      "",
      "See [the act](https://example.com/act 'Act') and ![a plan](plan.png).",
      "",
      "[1]: https://example.com/one",
      "| a | b |",
      "```md",
      "[kept](as it is)",
      "```",
    ].join("\n");

    expect(await textOf("text/markdown", text)).toBe(
      "# Lease \n\nSee the act and a plan.\n\n| a | b |\n```md\n[kept](as it is)\n```",
    );
  });

  test.each([
    ["brackets", "[".repeat(90_000)],
    ["links without end", "[a](".repeat(20_000)],
    ["comments without end", "<!-- a ".repeat(12_000)],
    ["signs of headings", `# ${"# ".repeat(40_000)}a`],
  ])("of nothing but %s is read in no time", async (_, text) => {
    const startMs = performance.now();

    await textOf("text/markdown", `${text} word`);

    expect(performance.now() - startMs).toBeLessThan(1000);
  });
});

describe("HTML", () => {
  test("becomes what a reader sees of it", async () => {
    const html = `<!doctype html><html><head><title>A &amp; B</title><style>p { color: red }</style>
      <script>var hidden = "<p>no</p>";</script></head>
      <body><h1>Lease</h1><p>Rent is&nbsp;due   on <b>the</b> 1<sup>st</sup>.<br>Always &mdash; &#x4f60;&#22909;.</p>
      <ul><li>One<li>Two</ul><table><tr><td>a</td><td>b</td></tr></table>
      <pre>x  =  1\n  y</pre><div hidden>secret</div><p style="color:red; DISPLAY : none">secret</p><b style="visibility:hidden">secret</b><noscript>no</noscript><h3>End</h3>text</body></html>`;

    expect((await textOf("text/html", html)).replaceAll("\u00a0", " ")).toBe(
      [
        "A & B",
        "# Lease",
        "Rent is due on the 1st.\nAlways — 你好.",
        "- One\n- Two",
        "a b",
        "x  =  1\n  y",
        "### End",
        "text",
      ].join("\n\n"),
    );
  });

  test("is cut between slices without harm to entities and tags", async () => {
    const html = "<p>caf&eacute; <b>noir</b></p>\n".repeat(2500);

    expect(await textOf("text/html", html)).toBe("café noir\n\n".repeat(2500).trim());
  });

  test("of nothing but scripts is refused", async () => {
    expect(await refusalOf({ name: "a.html", type: "", text: "<script>alert(1)</script>" })).toMatchObject({
      kind: "invalid-request",
      param: "text",
    });
  });

  test("that nests without end is refused", async () => {
    const refusal = await refusalOf({ name: "a.html", type: "", text: "<b>".repeat(30_000) });

    expect(String(refusal)).toContain("text nests more than 2000 elements");
  });
});

describe("PDF", () => {
  test("gives the text of its pages", async () => {
    const bytes = makePdf({
      pages: [
        ["The rent is due.", "It is paid (monthly)."],
        ["Page two is divi-", "ded."],
      ],
    });

    expect(await textOf("application/pdf", bytes)).toBe(
      "The rent is due.\nIt is paid (monthly).\n\nPage two is divided.",
    );
    expect(await textOf("", bytes, "lease.PDF")).toContain("Page two");
  });

  test("leaves the bytes to whoever handed them over", async () => {
    const bytes = makePdf({ pages: [["Hello."]] });

    await textOf("application/pdf", bytes);

    expect(bytes.byteLength).toBeGreaterThan(0);
  });

  const spaces = deflateSync(Buffer.alloc(130 * 1024 * 1024, " "));
  const twice = deflateSync(spaces);

  test.each<readonly [string, string | Buffer]>([
    ["packed", spaces],
    ["packed twice", twice],
    ["packed more often than anybody does", deflateSync(deflateSync(deflateSync(deflateSync("x"))))],
    ["packed in hexadecimal digits", twice.toString("hex").replaceAll(/.{60}/g, "$&\n")],
    ["packed in base 85", ascii85(twice)],
  ])("that unfolds to a thousand times its size is refused before it does: %s", async (_, packed) => {
    const bytes = Buffer.concat([
      Buffer.from("%PDF-1.4\n1 0 obj\n<< /Filter /FlateDecode >>\nstream\r\n"),
      Buffer.from(packed as Buffer),
      Buffer.from("\nendstream\nendobj"),
    ]);

    const refusal = await readFile({ name: "a.pdf", type: "", bytes }, 1_000_000, signal).catch(
      (error: unknown) => error,
    );

    expect(String(refusal)).toContain("file is a PDF that unfolds to far more than it should");
  });

  test("that the parser reads in a second attempt does not end the process by what failed in the first", async () => {
    const damaged = Buffer.from(makePdf({ pages: [["One."], ["Two."], ["Three."]] })).toString("latin1");
    // The table tells a wrong place of the first page and of the last.
    const rows = damaged.split(" 00000 n \n");
    const file = rows.map((row, index) => (index === 3 || index === 7 ? "0000000009" : row)).join(" 00000 n \n");
    const script = `
      const { readFile } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/documents/read-file.ts"))});
      const bytes = Buffer.from(${JSON.stringify(file)}, "latin1");
      const { text } = await readFile({ name: "a.pdf", type: "", bytes }, 1e6, new AbortController().signal);
      console.log(JSON.stringify(text));`;

    const child = Bun.spawn([process.execPath, "--eval", script], { stdio: ["ignore", "pipe", "pipe"], env: {} });

    expect(await new Response(child.stdout).text()).toBe('"One.\\n\\nTwo.\\n\\nThree."\n');
    expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, ""]);
  });

  test.each([
    ["encrypted", makePdf({ pages: [["Hello."]], isEncrypted: true }), "file is an encrypted PDF"],
    ["cut off", makePdf({ pages: [["Hello."]] }).subarray(0, 250), "file is a PDF that is damaged"],
    ["none at all", new TextEncoder().encode("Hello."), "file is a PDF that is damaged"],
    ["of no bytes", new Uint8Array(), "file is a PDF that is damaged"],
    ["without text", makePdf({ pages: [[""]] }), "file has no text: if its pages are pictures"],
  ])("that is %s is refused", async (_, bytes, reason) => {
    const refusal = await refusalOf({ name: "a.pdf", type: "application/pdf", bytes });

    expect(refusal).toMatchObject({ kind: "invalid-request", param: "file" });
    expect(String(refusal)).toContain(reason);
  });
});
