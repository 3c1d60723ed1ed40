// A body that is passed on while it arrives: its beginning is held as long as the model is looked for, the rest is never
// held at all. One that fits into what may be held is held whole, so that it can be sent again.

import type { ForwardBody } from "../../contract/forward.ts";
import { GatewayError } from "../../contract/gateway-error.ts";
import { type ModelPlace, spliceModel } from "./model-place.ts";
import { createMultipartSearch, namesOneModel } from "./multipart-model.ts";

export interface IncomingUpload {
  readonly stream: ReadableStream<Uint8Array>;
  readonly contentType: string;
  /** Undefined: the client did not say. */
  readonly sizeBytes: number | undefined;
  /** Largest body, in bytes. */
  readonly maxBytes: number;
}

export interface UploadHooks {
  /** The client is waited for. */
  waiting(): void;
  /** It has sent something, or its body is over. */
  arrived(isOver: boolean): void;
}

/** The two kinds of readers that the types know are one. */
interface ChunkReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** What is held at most, unless nobody can be asked before the model is known. */
const maxHeldBytes = 1024 * 1024;

export class Upload {
  readonly #reader: ChunkReader;
  readonly #incoming: IncomingUpload;
  readonly #hooks: UploadHooks;
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  #receivedBytes = 0;
  #isOver = false;
  #place: ModelPlace | undefined;
  /** What went wrong with the client's side, whoever noticed it first. */
  failure: GatewayError | undefined;
  /** Something behind what is held was passed on: it cannot be sent again. */
  #isPassedOn = false;

  constructor(incoming: IncomingUpload, hooks: UploadHooks) {
    this.#incoming = incoming;
    this.#hooks = hooks;
    this.#reader = incoming.stream.getReader();
  }

  get model(): string | undefined {
    return this.#place?.model;
  }

  get canRepeat(): boolean {
    return !this.#isPassedOn;
  }

  /**
   * Reads on until the model is known and no more may be held.
   * @param mustKnowModel then the body is held as far as the model stands behind its files, up to its own limit
   * @param isHeldToModel then it is held whole, and may name one model only
   * @throws {GatewayError} `invalid-request`, `too-large`
   */
  async begin(mustKnowModel: boolean, isHeldToModel: boolean): Promise<void> {
    const { contentType, sizeBytes } = this.#incoming;
    const isSmall = isHeldToModel || (sizeBytes !== undefined && sizeBytes <= maxHeldBytes);
    const search = /^multipart\/form-data/i.test(contentType) ? createMultipartSearch(contentType) : undefined;
    let isFound = search === undefined;
    while (!this.#isOver && (isSmall || (!isFound && (mustKnowModel || this.#heldBytes < maxHeldBytes)))) {
      const chunk = await this.#read();
      if (chunk !== undefined) this.#hold(chunk);
      if (isFound || search === undefined) continue;
      const place = search.look(this.#held.subarray(0, this.#heldBytes));
      if (place === undefined) continue;
      isFound = true;
      if (place !== "none") this.#place = place;
    }
    if (!isHeldToModel || this.#place === undefined) return;
    if (namesOneModel(this.#held.subarray(0, this.#heldBytes), contentType)) return;
    throw new GatewayError("invalid-request", 'Cannot read the request: its form must name "model" once and plainly', {
      param: "model",
    });
  }

  /** The body with another model in it. Several may be made, one after the other, as long as it can be repeated. */
  bodyWith(model: string | undefined): ForwardBody {
    const pieces = spliceModel(this.#held.subarray(0, this.#heldBytes), this.#place, model);
    if (this.#isOver) return { type: "bytes", pieces };
    const heldBytes = pieces.reduce((size, piece) => size + piece.length, 0);
    const { sizeBytes } = this.#incoming;
    return {
      type: "stream",
      sizeBytes: sizeBytes === undefined ? undefined : sizeBytes + heldBytes - this.#heldBytes,
      open: () => this.#open([...pieces]),
    };
  }

  /** Nobody reads on. Safe at any time. */
  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }

  #open(pieces: Uint8Array[]): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const piece = pieces.shift() ?? (await this.#readOn());
          if (piece === undefined) controller.close();
          else controller.enqueue(piece);
        },
        cancel: () => this.cancel(),
      },
      // Nothing is read before somebody wants it.
      { highWaterMark: 0 },
    );
  }

  #readOn(): Promise<Uint8Array | undefined> {
    this.#isPassedOn = true;
    return this.#read();
  }

  /** Undefined at the end. */
  async #read(): Promise<Uint8Array | undefined> {
    if (this.failure !== undefined) throw this.failure;
    this.#hooks.waiting();
    const { done, value } = await this.#reader.read().catch((cause: unknown) => {
      throw this.#fail(brokeOff(cause));
    });
    this.#hooks.arrived(done);
    if (done || value === undefined) {
      this.#isOver = true;
      return undefined;
    }
    this.#receivedBytes += value.length;
    if (this.#receivedBytes > this.#incoming.maxBytes) throw this.#fail(tooLarge(this.#incoming.maxBytes));
    return value;
  }

  #fail(error: GatewayError): GatewayError {
    this.failure = error;
    this.cancel();
    return error;
  }

  #hold(chunk: Uint8Array): void {
    const needed = this.#heldBytes + chunk.length;
    if (needed > this.#held.length) {
      const { sizeBytes = 0, maxBytes } = this.#incoming;
      const exact = sizeBytes >= needed && sizeBytes <= maxHeldBytes ? sizeBytes : 0;
      const grown = Buffer.allocUnsafe(exact || Math.max(needed, Math.min(this.#held.length * 2, maxBytes)));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(chunk, this.#heldBytes);
    this.#heldBytes = needed;
  }
}

export function tooLarge(maxBodyBytes: number): GatewayError {
  return new GatewayError(
    "too-large",
    `Cannot read a request body of more than ${maxBodyBytes} bytes: send less, or raise MAX_BODY_BYTES`,
  );
}

function brokeOff(cause: unknown): GatewayError {
  return new GatewayError("invalid-request", "Cannot read the request body: it broke off", { cause });
}
