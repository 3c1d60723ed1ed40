// Opens streams at gateways in turn, and reads each to its end: bun test/manual/scale-load.ts COUNT URL... A process of its own,
// so that its work is not the gateway's. One line of JSON: events in all, streams that were not whole, delays behind the pace in ms.

const [count = "0", ...urls] = process.argv.slice(2);
const paceMs = Number(process.env["PACE_MS"] ?? 100);
const late: number[] = [];
let events = 0;
let broken = 0;

async function readOne(index: number): Promise<void> {
  const response = await fetch(`${urls[index % urls.length]}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: `count from 1 to 80 (${index})` }], stream: true }),
  });
  const decoder = new TextDecoder();
  let end = "";
  let beforeMs: number | undefined;
  for await (const chunk of response.body ?? []) {
    const text = decoder.decode(chunk, { stream: true });
    end = (end + text).slice(-20);
    events += text.split("\n\n").length - 1;
    const nowMs = performance.now();
    if (beforeMs !== undefined) late.push(Math.max(0, nowMs - beforeMs - paceMs));
    beforeMs = nowMs;
  }
  if (!end.endsWith("data: [DONE]\n\n")) broken += 1;
}

await Promise.all(Array.from({ length: Number(count) }, (_, index) => readOne(index)));
late.sort((one, other) => one - other);
const at = (share: number): number => late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0;
console.log(JSON.stringify({ events, broken, p50: at(0.5), p99: at(0.99) }));
