// A connection that breaks, as its reader sees it in process and over a socket.

/** As `fetch` reports it. */
export function connectionReset(): Error {
  const error = new TypeError("The socket connection was closed unexpectedly");
  return Object.assign(error, { code: "ECONNRESET" });
}

/**
 * In process the call rejects as `fetch` would; over HTTP a body that fails before its first byte resets the socket.
 * @param resetError undefined over HTTP
 * @throws {Error} the given one
 */
export function brokenConnection(resetError: Error | undefined): Response {
  if (resetError !== undefined) throw connectionReset();
  return new Response(new ReadableStream({ pull: (controller) => controller.error() }, { highWaterMark: 0 }));
}
