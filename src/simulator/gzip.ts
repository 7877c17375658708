import { constants, crc32, deflateRawSync } from "node:zlib";

const HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/** A last block of deflate with nothing in it. */
const LAST_BLOCK = [3, 0];
const encoder = new TextEncoder();

/** Compresses a text piece by piece, each of which can be read at once. */
export interface Gzip {
  write(text: string): Uint8Array;
  /** What follows the last piece. */
  end(): Uint8Array;
}

/** One gzip member of pieces to come. */
export function createGzip(): Gzip {
  let header = HEADER;
  let length = 0;
  let checksum = 0;
  return {
    write(text) {
      const bytes = encoder.encode(text);
      length += bytes.length;
      checksum = crc32(bytes, checksum);
      const piece = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
      const written = Uint8Array.from([...header, ...piece]);
      header = [];
      return written;
    },
    end() {
      const end = new Uint8Array(header.length + LAST_BLOCK.length + 8);
      end.set([...header, ...LAST_BLOCK]);
      const trailer = new DataView(end.buffer, end.length - 8);
      trailer.setUint32(0, checksum, true);
      trailer.setUint32(4, length, true);
      return end;
    },
  };
}
