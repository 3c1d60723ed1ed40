// Opens an address in the user's browser, where there is one. Whether it did cannot be told: the address is printed too.

const commands: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** @param address of http or https alone: other kinds start other programs */
export function openBrowser(address: URL): void {
  if (!/^https?:$/.test(address.protocol)) return;
  try {
    const command = [...(commands[process.platform] ?? ["xdg-open"]), address.href];
    Bun.spawn(command, { stdio: ["ignore", "ignore", "ignore"] }).unref();
  } catch {
    // There is no such program, as on most servers.
  }
}
