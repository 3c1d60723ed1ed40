// How much a caller may keep, and how large it may be.

export interface DocumentLimits {
  /** Of one file, and of its text. @defaultValue 20_971_520 */
  readonly maxDocumentBytes: number;
  /** Pieces of one document. @defaultValue 50_000 */
  readonly maxPieces: number;
  /** Documents of one caller. @defaultValue 1000 */
  readonly maxDocuments: number;
  /**
   * Texts of all callers together. The database is about 2.5 times as large, and each search holds up everything else for
   * about half a millisecond for each megabyte.
   * @defaultValue 536_870_912
   */
  readonly maxTotalBytes: number;
}

export const defaultDocumentLimits: DocumentLimits = {
  maxDocumentBytes: 20 * 1024 * 1024,
  maxPieces: 50_000,
  maxDocuments: 1000,
  maxTotalBytes: 512 * 1024 * 1024,
};
