// What a file is by its bytes.

import { describe, expect, test } from "bun:test";
import { fileTypeOf } from "../../../src/attachments/file-type.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("fileTypeOf", () => {
  test.each([
    ["\x89PNG\r\n\x1a\nrest", "a.jpg", "image", "image/png"],
    ["\xff\xd8\xff\xe0....JFIF", undefined, "image", "image/jpeg"],
    ["GIF89a....", undefined, "image", "image/gif"],
    ["RIFF....WEBPVP8 ", undefined, "image", "image/webp"],
    ["BM\x46\0\0\0\0\0\0\0", undefined, "image", "image/bmp"],
    ["%PDF-1.7\n%\xe2\xe3", undefined, "document", "application/pdf"],
    ["RIFF....WAVEfmt ", undefined, "audio", "audio/wav"],
    ["ID3\x04\0\0", undefined, "audio", "audio/mpeg"],
    ["\xff\xfb\x90\x44", undefined, "audio", "audio/mpeg"],
    ["OggS\0", undefined, "audio", "audio/ogg"],
    ["\0\0\0\x20ftypM4A ", undefined, "audio", "audio/mp4"],
    ["\0\0\0\x20ftypisom", undefined, "video", "video/mp4"],
    ["\x1a\x45\xdf\xa3", undefined, "video", "video/webm"],
    ["PK\x03\x04....", "report.DOCX", "document", expect.stringContaining("wordprocessingml")],
    ["name,age\nAda,36\n", "people.csv", "document", "text/csv"],
    ["Just words", undefined, "document", "text/plain"],
    ["BMW builds cars", undefined, "document", "text/plain"],
    ["<svg xmlns='http://www.w3.org/2000/svg'/>", undefined, "document", "text/plain"],
  ] as const)("knows %j of %s", (content, name, kind, mediaType) => {
    expect(fileTypeOf(bytes(content), name)).toMatchObject({ kind, mediaType });
  });

  test.each([
    ["PK\x03\x04....", "archive.zip"],
    ["PK\x03\x04....", undefined],
    ["MZ\x90\0\x03", "tool.exe"],
    ["words\0and zeros", "a.txt"],
    ["\xe9t\xe9", "latin.txt"],
    ["", "empty.txt"],
  ])("refuses %j of %s", (content, name) => {
    expect(fileTypeOf(bytes(content), name)).toBeUndefined();
  });
});
