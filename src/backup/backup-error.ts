// What is wrong with a backup, apart from what one holds: whoever only tells it loads no database.

/** Something is wrong with a backup, or in its way. The message is a sentence for whoever asked for it. */
export class BackupError extends Error {
  override readonly name: string = "BackupError";
}

/** No database is there yet. */
export class NothingToBackUp extends BackupError {
  override readonly name = "NothingToBackUp";

  constructor(dataDir: string) {
    super(`Cannot back up "${dataDir}": there is no database of a gateway in it`);
  }
}
