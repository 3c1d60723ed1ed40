// The signature that macOS wants of an executable: digests of its pages, without anybody's certificate ("ad hoc"). Bun makes one for
// arm64. For x64 it leaves the one of its own runtime in place, which is not true of the changed file any more.

/** @see https://opensource.apple.com/source/xnu/xnu-6153.81.5/osfmk/kern/cs_blobs.h.auto.html */
const superBlobMagic = 0xfade0cc0;
const codeDirectoryMagic = 0xfade0c02;
const codeDirectoryVersion = 0x20400;
/** CS_ADHOC and CS_LINKER_SIGNED: what linkers write. */
const adHoc = 0x20002;
const sha256Type = 2;
const hashBytes = 32;
const pageBits = 12;
const headerBytes = 88;
const identifier = "qwen-gateway\0";

const segmentCommand = 0x19;
const signatureCommand = 0x1d;

interface Segment {
  /** Of the load command. */
  readonly at: number;
  readonly fileOffset: number;
  readonly fileSize: number;
}

interface Image {
  readonly view: DataView;
  /** Of the load command of the signature. */
  readonly signatureAt: number;
  readonly signatureOffset: number;
  readonly text: Segment;
  /** The last segment: it holds the signature, at the end of the file. */
  readonly linkEdit: Segment;
}

/** Whether each page has the digest that the signature states. */
export function hasTrueSignature(file: Uint8Array): boolean {
  const { view, signatureOffset: base } = readImage(file);
  if (view.getUint32(base) !== superBlobMagic) return false;
  const count = view.getUint32(base + 8);
  for (let index = 0; index < count; index += 1) {
    const at = base + view.getUint32(base + 16 + 8 * index);
    if (view.getUint32(at) !== codeDirectoryMagic) continue;
    const hashes = at + view.getUint32(at + 16);
    const slots = view.getUint32(at + 28);
    const limit = view.getUint32(at + 32);
    const isOurKind = view.getUint8(at + 37) === sha256Type && view.getUint8(at + 39) === pageBits;
    if (!isOurKind || limit !== base || slots !== pageCount(limit)) return false;
    const stated = file.subarray(hashes, hashes + slots * hashBytes);
    return Buffer.compare(stated, hashPages(file.subarray(0, limit))) === 0;
  }
  return false;
}

/**
 * The same executable with a signature of its own in the place of what stood there.
 * @throws {Error} when it is no 64-bit Mach-O, or has no place for one
 */
export function signAdHoc(file: Uint8Array): Uint8Array {
  const { signatureAt, signatureOffset, text, linkEdit } = readImage(file);
  const slots = pageCount(signatureOffset);
  const directoryBytes = headerBytes + identifier.length + slots * hashBytes;
  const blobBytes = 20 + directoryBytes;
  const signatureBytes = Math.ceil(blobBytes / 16) * 16;
  const signed = new Uint8Array(signatureOffset + signatureBytes);
  signed.set(file.subarray(0, signatureOffset));
  const view = new DataView(signed.buffer);

  // The load commands stand in the first page: changed before it is hashed.
  view.setUint32(signatureAt + 12, signatureBytes, true);
  const linkEditBytes = signed.byteLength - linkEdit.fileOffset;
  view.setBigUint64(linkEdit.at + 32, BigInt(Math.ceil(linkEditBytes / 0x4000) * 0x4000), true);
  view.setBigUint64(linkEdit.at + 48, BigInt(linkEditBytes), true);

  const hashes = hashPages(signed.subarray(0, signatureOffset));
  const blob = [superBlobMagic, blobBytes, 1, 0, 20];
  for (const [index, value] of blob.entries()) view.setUint32(signatureOffset + 4 * index, value);
  const at = signatureOffset + 20;
  const hashOffset = headerBytes + identifier.length;
  const directory = [
    codeDirectoryMagic,
    directoryBytes,
    codeDirectoryVersion,
    adHoc,
    hashOffset,
    headerBytes,
    0,
    slots,
    signatureOffset,
  ];
  for (const [index, value] of directory.entries()) view.setUint32(at + 4 * index, value);
  signed.set([hashBytes, sha256Type, 0, pageBits], at + 36);
  view.setBigUint64(at + 64, BigInt(text.fileOffset));
  view.setBigUint64(at + 72, BigInt(text.fileSize));
  // CS_EXECSEG_MAIN_BINARY
  view.setBigUint64(at + 80, 1n);
  signed.set(new TextEncoder().encode(identifier), at + headerBytes);
  signed.set(hashes, at + hashOffset);
  return signed;
}

function readImage(file: Uint8Array): Image {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < 32 || view.getUint32(0, true) !== 0xfeedfacf) {
    throw new Error("Cannot read the executable: it is no 64-bit Mach-O");
  }
  const segments = new Map<string, Segment>();
  let signatureAt: number | undefined;
  let at = 32;
  for (let left = view.getUint32(16, true); left > 0; left -= 1) {
    const command = view.getUint32(at, true);
    if (command === segmentCommand) {
      const name = new TextDecoder().decode(file.subarray(at + 8, at + 24)).replace(/\0.*$/s, "");
      const fileOffset = Number(view.getBigUint64(at + 40, true));
      segments.set(name, { at, fileOffset, fileSize: Number(view.getBigUint64(at + 48, true)) });
    }
    if (command === signatureCommand) signatureAt = at;
    at += view.getUint32(at + 4, true);
  }
  const text = segments.get("__TEXT");
  const linkEdit = segments.get("__LINKEDIT");
  if (text === undefined || linkEdit === undefined || signatureAt === undefined) {
    throw new Error("Cannot read the executable: it has no place for a signature");
  }
  const signatureOffset = view.getUint32(signatureAt + 8, true);
  if (signatureOffset + view.getUint32(signatureAt + 12, true) !== file.byteLength) {
    throw new Error("Cannot read the executable: its signature is not at its end");
  }
  return { view, signatureAt, signatureOffset, text, linkEdit };
}

function pageCount(bytes: number): number {
  return Math.ceil(bytes / (1 << pageBits));
}

function hashPages(bytes: Uint8Array): Uint8Array {
  const hashes = new Uint8Array(pageCount(bytes.byteLength) * hashBytes);
  for (let page = 0; page * hashBytes < hashes.byteLength; page += 1) {
    const start = page << pageBits;
    const digest = new Bun.CryptoHasher("sha256").update(bytes.subarray(start, start + (1 << pageBits))).digest();
    hashes.set(digest, page * hashBytes);
  }
  return hashes;
}
