// The rules of the house as a checker: which file may import which. Pure, so that it can be tried on a made-up house.

export interface Import {
  /** Paths relative to `src/`. */
  readonly from: string;
  readonly to: string;
}

/** Rooms from the roof to the ground. Beside them stands `client/`, which knows `sse/` alone. */
const floors: readonly (readonly [floor: number, rooms: readonly string[]])[] = [
  [7, ["main"]],
  [6, ["cli", "library"]],
  [5, ["app"]],
  [4, ["server"]],
  [3, ["pipeline", "agent", "admin", "page"]],
  [2, ["surfaces", "gateway", "upstreams", "emulator", "client"]],
  [
    1,
    [
      "contract",
      "sse",
      "conversation",
      "tools",
      "answers",
      "store",
      "history",
      "credentials",
      "replay",
      "documents",
      "outbound",
      "wire",
      "config",
      "telemetry",
      "attachments",
      "capture",
      "backup",
      "workers",
    ],
  ],
];

const floorByRoom = new Map(floors.flatMap(([floor, rooms]) => rooms.map((room) => [room, floor] as const)));

/** Rooms whose folders are wings: neighbours that do not know one another. */
const roomsWithWings: ReadonlySet<string> = new Set(["surfaces", "upstreams"]);

/** Files of the roof and of the façade that stand in no folder, or beside their folder. */
const roomOfFile: Readonly<Record<string, string>> = {
  "boot.ts": "main",
  "main.ts": "main",
  "app.ts": "app",
  "library.ts": "library",
};

function roomOf(path: string): string {
  return roomOfFile[path] ?? path.split("/")[0] ?? path;
}

/** Sentences that say what is wrong with a house; none: it stands. */
export function findViolations(imports: readonly Import[]): string[] {
  const sentences = imports.flatMap(({ from, to }) => {
    const reason = judge(from, to);
    return reason === undefined ? [] : [`${from} imports ${to}: ${reason}`];
  });
  const fileCircle = findCircle(imports);
  if (fileCircle !== undefined) sentences.push(`files import one another in a circle: ${fileCircle.join(" -> ")}`);
  const roomCircle = findCircle(betweenRooms(imports));
  if (roomCircle !== undefined) sentences.push(`rooms import one another in a circle: ${roomCircle.join(" -> ")}`);
  return sentences;
}

function judge(from: string, to: string): string | undefined {
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  const [fromFloor, toFloor] = [floorByRoom.get(fromRoom), floorByRoom.get(toRoom)];
  if (fromFloor === undefined) return `the house has no room "${fromRoom}"`;
  if (toFloor === undefined) return `the house has no room "${toRoom}"`;
  if (fromRoom === toRoom) return judgeWings(from, to);
  if (toFloor > fromFloor) return `upward, from floor ${fromFloor} to floor ${toFloor}`;
  if (fromRoom === "client" && toRoom !== "sse") return "the client library knows sse/ alone";
  if (toFloor === fromFloor && fromFloor > 1) return `sideways, between two rooms of floor ${fromFloor}`;
  return undefined;
}

/** Files that stand directly in such a room are shared by its wings; only the registration list knows the wings. */
function judgeWings(from: string, to: string): string | undefined {
  if (!roomsWithWings.has(roomOf(from))) return undefined;
  const [fromWing, toWing] = [wingOf(from), wingOf(to)];
  if (toWing === undefined || toWing === fromWing || from.endsWith("/index.ts")) return undefined;
  return fromWing === undefined ? "a shared file that knows a wing" : "sideways, from one wing to another";
}

function wingOf(path: string): string | undefined {
  const [, wing, ...rest] = path.split("/");
  return rest.length === 0 ? undefined : wing;
}

function betweenRooms(imports: readonly Import[]): Import[] {
  return imports.map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) })).filter(({ from, to }) => from !== to);
}

/** One circle, first and last place equal; undefined when there is none. */
function findCircle(edges: readonly Import[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();

  function walk(place: string, trail: readonly string[]): string[] | undefined {
    const seenAt = trail.indexOf(place);
    if (seenAt >= 0) return [...trail.slice(seenAt), place];
    if (done.has(place)) return undefined;
    for (const neighbour of next.get(place) ?? []) {
      const circle = walk(neighbour, [...trail, place]);
      if (circle !== undefined) return circle;
    }
    done.add(place);
    return undefined;
  }

  for (const place of next.keys()) {
    const circle = walk(place, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
