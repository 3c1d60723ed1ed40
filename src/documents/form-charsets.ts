// The charsets that the files of a form name in their types. The platform's own reading of forms leaves them out.

/**
 * @param contentType of the form, with its boundary
 * @param field name of the files' field
 * @returns one entry a file of that field, in their order; undefined where it names none
 */
export function formCharsets(body: Uint8Array, contentType: string, field: string): (string | undefined)[] {
  const form = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const boundary = /;\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))/i.exec(contentType)?.slice(1).find(Boolean);
  if (boundary === undefined) return [];
  const mark = `--${boundary}\r\n`;
  const charsets: (string | undefined)[] = [];
  for (let found = form.indexOf(mark); found !== -1; found = form.indexOf(mark, found + mark.length)) {
    const isLineStart = found === 0 || form[found - 1] === 0x0a;
    const end = form.indexOf("\r\n\r\n", found);
    if (!isLineStart || end === -1) continue;
    const head = form.toString("latin1", found + mark.length, Math.min(end, found + mark.length + maxHeadBytes));
    if (nameOf(head) === field) charsets.push(charset.exec(head)?.[1]?.toLowerCase());
  }
  return charsets;
}

const maxHeadBytes = 16 * 1024;
const charset = /^content-type:[^\r\n]*;\s*charset\s*=\s*"?([\w.:-]{1,40})/im;

function nameOf(head: string): string | undefined {
  const disposition = /^content-disposition:([^\r\n]*)/im.exec(head)?.[1] ?? "";
  return /;\s*name\s*=\s*(?:"([^"]*)"|([^\s;]+))/i
    .exec(disposition)
    ?.slice(1)
    .find((name) => name !== undefined);
}
