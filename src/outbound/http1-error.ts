// An answer that is no HTTP, or none that can be trusted. `code` is what the outbound errors are worded by.

export class Http1Error extends Error {
  override readonly name = "Http1Error";
  readonly code = "InvalidHTTPResponse";
}
