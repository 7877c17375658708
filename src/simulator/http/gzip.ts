import { constants, crc32, deflateRawSync } from "node:zlib";

const HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/** An empty final deflate block. */
const LAST_BLOCK = [3, 0];
const encoder = new TextEncoder();

/** Compresses text piece by piece. Each piece can be decompressed as soon as it arrives. */
export interface Gzip {
  write(text: string): Uint8Array;
  /** Returns the bytes that follow the last piece. */
  end(): Uint8Array;
}

/** Creates a compressor for one gzip member. */
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
