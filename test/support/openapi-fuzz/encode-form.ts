// A form as text, since a body has to be shown as it was sent.

const boundary = "----form-of-the-fuzz";

export const formType = `multipart/form-data; boundary=${boundary}`;

export interface FormField {
  readonly name: string;
  readonly value: string;
  readonly isFile: boolean;
}

export function encodeForm(fields: readonly FormField[]): string {
  const parts = fields.map(({ name, value, isFile }) => {
    const file = isFile ? '; filename="a.txt"\r\ncontent-type: text/plain' : "";
    return `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
  });
  return `${parts.join("")}--${boundary}--\r\n`;
}
