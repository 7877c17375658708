/** The client of a request, and the rules that apply to it. */
export interface Client {
  /** Its address, without a port. */
  readonly address: string;
  /** The name of the key it sent, if keys are required. */
  readonly keyName: string | undefined;
  /** The key it sent is the router's, and must not reach the servers. */
  readonly showsRoutersKey: boolean;
  /** Its forwarding headers, such as `x-forwarded-for`, are trusted. */
  readonly isTrusted: boolean;
  /** Headers added to every answer to it. */
  readonly headers: readonly [string, string][];
  /** Whether it may use a model; `undefined` stands for a request that names none. */
  mayUse(model: string | undefined): boolean;
  /** Called once, when its request has ended. */
  left(): void;
}
