// Asks GET /health again and again, with a short pause between: bun test/manual/probe-health.ts URL COUNT. A process of its
// own, so that nothing else is in its way. One line of JSON: how long each took, in milliseconds.

const [url = "", count = "0"] = process.argv.slice(2);
const times: number[] = [];
for (let at = 0; at < Number(count); at++) {
  const startedAtMs = performance.now();
  await (await fetch(`${url}/health`)).arrayBuffer();
  times.push(performance.now() - startedAtMs);
  await Bun.sleep(1);
}
console.log(JSON.stringify(times));
