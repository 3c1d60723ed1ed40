// A request as it is sent, and as somebody types it who wants to see the answer again.

export interface FuzzRequest {
  readonly method: string;
  /** Path and query, escaped. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Also of multipart forms. */
  readonly body: string | undefined;
}

export interface FuzzAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Of a stream its beginning. */
  readonly text: string;
}

const longestShown = 2000;

/** For bash. What is longer than 2000 characters is cut: the seed repeats it whole. */
export function asCurl(url: string, { method, target, headers, body }: FuzzRequest): string {
  return [
    `curl -sS -i --path-as-is -X ${method} ${quote(url + target)}`,
    ...headers.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`--data-binary ${quote(body)}`]),
  ].join(" ");
}

function quote(text: string): string {
  const shown =
    text.length > longestShown ? `${text.slice(0, longestShown)}[and ${text.length - longestShown} more]` : text;
  const escaped = shown.replace(/[\\'\p{Cc}\p{Cs}\p{Cf}]/gu, (held) =>
    held === "'" || held === "\\" ? `\\${held}` : `\\u${held.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `$'${escaped}'`;
}
