/** Who sent a request, and what is to be kept to for them. */
export interface Client {
  /** Their address, without a port. */
  readonly address: string;
  /** The name of the key they showed, where keys are asked for. */
  readonly keyName: string | undefined;
  /** The key they showed is the router's, and not for the servers. */
  readonly showsRoutersKey: boolean;
  /** What they say of whom they ask for is believed. */
  readonly isTrusted: boolean;
  /** Headers of every answer to them. */
  readonly headers: readonly [string, string][];
  /** Whether they may use a model; `undefined` stands for a request that names none. */
  mayUse(model: string | undefined): boolean;
  /** Told once, when their request has ended. */
  left(): void;
}
