/** The server began its answer anew, instead of going on with the one that was sent. */
export class BegunAnew extends Error {
  override name = "BegunAnew";
  override message = "the server began the answer anew";
}
