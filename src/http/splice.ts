import type { Socket } from "./h1/input.ts";
import { writeAll } from "./h1/output.ts";

const PIECE_BYTES = 16 * 1024;

/** Passes all bytes between two connections, both ways, and closes both when either ends. */
export async function splice(one: Socket, other: Socket): Promise<void> {
  await Promise.allSettled([pass(one, other), pass(other, one)]);
}

async function pass(from: Socket, to: Socket): Promise<void> {
  const bytes = new Uint8Array(PIECE_BYTES);
  try {
    for (;;) {
      const length = await from.read(bytes);
      if (length === null) return;
      await writeAll(to, { bytes, length });
    }
  } finally {
    from.close();
    to.close();
  }
}
