// The end of an answer waits until what it leaves behind is kept: whoever has seen it finds that, at any gateway.

import { settledWithin } from "../contract/settled-within.ts";

/**
 * Whatever comes once something is to be kept is held until it is, at most for so long.
 * @param kept undefined until then. Never rejects
 * @param limitMs undefined: nothing is held
 */
export async function holdEnd(
  answer: Response,
  kept: () => Promise<unknown> | undefined,
  limitMs: number | undefined,
): Promise<Response> {
  if (limitMs === undefined) return answer;
  const { body, headers, status } = answer;
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (body !== null && isStream) return new Response(heldBody(body, kept, limitMs), { headers, status });
  await within(kept(), limitMs);
  return answer;
}

function heldBody(
  body: ReadableStream<Uint8Array>,
  kept: () => Promise<unknown> | undefined,
  limitMs: number,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let hasWaited = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!hasWaited) hasWaited = await within(kept(), limitMs);
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // What its reader leaves unread is the source's to hold back.
    { highWaterMark: 0 },
  );
}

/** @returns whether there was something to wait for */
async function within(kept: Promise<unknown> | undefined, limitMs: number): Promise<boolean> {
  if (kept === undefined) return false;
  await settledWithin(kept, limitMs);
  return true;
}
