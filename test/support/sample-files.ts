// Small files of each kind that messages may show.

/** One pixel. */
const pngBytes = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** Pictures that differ: what follows the end of a picture is passed over by everybody. */
export function pngOf(mark: string): Buffer {
  return Buffer.concat([pngBytes, Buffer.from(mark)]);
}

export function pngUrl(mark = ""): string {
  return `data:image/png;base64,${pngOf(mark).toString("base64")}`;
}

/** One page with one line. */
export function pdfOf(text: string): Buffer {
  const stream = `BT /F1 24 Tf 72 700 Td (${text.replaceAll(/[()\\]/g, "\\$&")}) Tj ET`;
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
    `<</Length ${stream.length}>>\nstream\n${stream}\nendstream`,
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
  ];
  let body = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return String(offset).padStart(10, "0");
  });
  const table = offsets.map((offset) => `${offset} 00000 n \n`).join("");
  const start = body.length;
  return Buffer.from(
    `${body}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`,
    "latin1",
  );
}

export function pdfUrl(text: string): string {
  return `data:application/pdf;base64,${pdfOf(text).toString("base64")}`;
}
