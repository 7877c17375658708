import type { Socket } from "./h1/input.ts";
import { writeAll } from "./h1/output.ts";

const PIECE_BYTES = 16 * 1024;

/**
 * Passes all bytes between two connections, both ways, and closes both when either ends.
 *
 * @param onBytes called for each piece
 */
export async function splice(one: Socket, other: Socket, onBytes: () => void): Promise<void> {
  await Promise.allSettled([pass(one, other, onBytes), pass(other, one, onBytes)]);
}

async function pass(from: Socket, to: Socket, onBytes: () => void): Promise<void> {
  const bytes = new Uint8Array(PIECE_BYTES);
  try {
    for (;;) {
      const length = await from.read(bytes);
      if (length === null) return;
      onBytes();
      await writeAll(to, { bytes, length });
    }
  } finally {
    from.close();
    to.close();
  }
}
