// Whose amounts are counted where callers have no names: an address, or the network that one household or server has of IPv6.

/** @param address undefined for requests that came through no socket */
export function addressSubject(address: string | undefined): string {
  if (address === undefined) return "address:none";
  return `address:${address.includes(":") ? networkOf(address) : address}`;
}

const groups = 8;
const networkGroups = 4;

/** The first 64 bits: everything behind them is the client's to choose. */
function networkOf(address: string): string {
  const [plain = ""] = address.split("%");
  const [head = "", tail] = plain.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, groups - first.length - last.length);
  const all = [...first, ...Array.from({ length: missing }, () => "0"), ...last];
  const network = all.slice(0, networkGroups).map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
