// The field `model` of a multipart form, found while the form arrives: files are stepped over, never looked into.
// @see https://www.rfc-editor.org/rfc/rfc7578

import { GatewayError } from "../../contract/gateway-error.ts";
import type { ModelPlace } from "./model-place.ts";

/** Longer heads of parts and names of models are nobody's. */
const maxHeadBytes = 16 * 1024;
const maxModelBytes = 1024;
/** Another boundary may begin like this one. */
const endsDelimiter = /^(?:\r\n|--|[ \t])/;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface MultipartSearch {
  /**
   * Looks on in all that has arrived, which begins with the same bytes as at the last call.
   * @returns the place; "none" when the form is over without it; undefined as long as it may still come
   * @throws {GatewayError} `invalid-request` when this is no form
   */
  look(arrived: Buffer): ModelPlace | "none" | undefined;
}

/** @throws {GatewayError} `invalid-request` when the content type names no boundary */
export function createMultipartSearch(contentType: string): MultipartSearch {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`);
  /** Where the next delimiter is looked for. */
  let from = 0;
  /** Where the content of the part began, if it is the model's. */
  let contentAt: number | undefined;

  /** Index behind the next delimiter; undefined when it has not come. The first one may begin the body, without a line break. */
  function nextDelimiter(arrived: Buffer): number | undefined {
    const start = delimiter.subarray(2);
    if (from === 0 && arrived.subarray(0, start.length).equals(start)) return start.length;
    for (let at = arrived.indexOf(delimiter, from); at >= 0; at = arrived.indexOf(delimiter, at + 1)) {
      const end = at + delimiter.length;
      if (end + 2 > arrived.length) return undefined;
      if (endsDelimiter.test(arrived.subarray(end, end + 2).toString("latin1"))) return end;
    }
    return undefined;
  }

  function refuseEndless(arrived: Buffer): void {
    if (contentAt !== undefined && arrived.length - contentAt > maxModelBytes + delimiter.length) throw malformed();
    if (from === 0 && arrived.length > maxHeadBytes) throw malformed();
  }

  /** @param at behind a delimiter. @returns whether the part's head is there as a whole */
  function enterPart(arrived: Buffer, at: number): boolean {
    const headEnd = arrived.indexOf("\r\n\r\n", at);
    if (headEnd < 0) {
      if (arrived.length - at > maxHeadBytes) throw malformed();
      return false;
    }
    // The blank line before the content may be the delimiter's own line break.
    from = headEnd + 2;
    contentAt = isModel(arrived.subarray(at, headEnd).toString("latin1")) ? headEnd + 4 : undefined;
    return true;
  }

  return {
    look(arrived) {
      for (;;) {
        const at = nextDelimiter(arrived);
        if (at === undefined) {
          refuseEndless(arrived);
          if (from > 0) from = Math.max(from, arrived.length - delimiter.length - 2);
          return undefined;
        }
        if (contentAt !== undefined) return placeOf(arrived, contentAt, at - delimiter.length);
        if (arrived.length < at + 2) return undefined;
        if (arrived[at] === 0x2d && arrived[at + 1] === 0x2d) return "none";
        if (!enterPart(arrived, at)) {
          // Looked at again when more has come; nothing before it matters any more.
          if (from > 0) from = at - delimiter.length;
          return undefined;
        }
      }
    },
  };
}

/**
 * Whether no reader of forms could find another model in it than the one that is found here: for callers who are held to
 * their models, since servers read odd forms in different ways.
 * @param form all of it
 */
export function namesOneModel(form: Buffer, contentType: string): boolean {
  if (/boundary\s*=.*boundary\s*=/i.test(contentType)) return false;
  const delimiter = `--${boundaryOf(contentType)}`;
  let models = 0;
  for (let at = form.indexOf(delimiter); at >= 0; at = form.indexOf(delimiter, at + delimiter.length)) {
    const start = at + delimiter.length;
    const [head = ""] = form
      .subarray(start, start + maxHeadBytes)
      .toString("latin1")
      .split(/\r?\n\r?\n/, 1);
    if (mayBeModel(head)) models++;
  }
  return models === 1;
}

/** In whatever spelling; names of files are none. */
function mayBeModel(head: string): boolean {
  const others = head.replaceAll(/filename\*?\s*=\s*(?:"[^"]*"|[^\s;"]*)/gi, "");
  return /model|name\s*\*|name[^;]*[%\\]/i.test(others);
}

function placeOf(arrived: Buffer, start: number, end: number): ModelPlace | "none" {
  if (end - start > maxModelBytes) throw malformed();
  const model = decoder.decode(arrived.subarray(start, Math.max(start, end)));
  if (model.trim() === "") return "none";
  return { model, start, end, encode: (name) => encoder.encode(name) };
}

function isModel(head: string): boolean {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? "";
  const name = /;\s*name="?([^";\r\n]*)"?/i.exec(disposition)?.[1];
  return name === "model" && !/;\s*filename/i.test(disposition);
}

function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw malformed();
  return boundary;
}

function malformed(): GatewayError {
  return new GatewayError("invalid-request", "Cannot read the request: its body is not a valid multipart form");
}
