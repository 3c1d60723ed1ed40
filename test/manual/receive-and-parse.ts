// What nobody can spare who reads requests: a body received whole and parsed once. agent-requests.ts measures it beside the gateway.

const decoder = new TextDecoder();
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const body: unknown = JSON.parse(decoder.decode(await request.bytes()));
    return Response.json({ isObject: typeof body === "object" });
  },
});
console.log(server.url.href);
