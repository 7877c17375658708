/** Thrown by a response body to close the client's connection without a clean end. */
export class BrokenAnswer extends Error {
  override name = "BrokenAnswer";
}
