/** Thrown by an answer's body, closes the client's connection without a clean end. */
export class BrokenAnswer extends Error {
  override name = "BrokenAnswer";
}
