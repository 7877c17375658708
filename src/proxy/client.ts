import type { Usage } from "../vllm/usage.ts";

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
  /** The priority of its requests at servers that schedule by priority, in place of its own. */
  readonly priority?: number | undefined;
  /**
   * Reserves the tokens that a request is expected to take, and adds headers that tell what is left.
   * Returns why they don't fit, if they don't. Missing if no limit of tokens can apply.
   */
  readonly reserve?:
    | ((model: string | undefined, expected: Usage) => "reserved" | "unlimited" | OverLimit)
    | undefined;
  /** Whether it may use a model; `undefined` stands for a request that names none. */
  mayUse(model: string | undefined): boolean;
  /** Called once, when its request has ended. `used` are the tokens that count for its limits. */
  left(used?: Usage): void;
}

/** Why a request doesn't fit a limit of tokens. */
export interface OverLimit {
  /** 429 if it fits later, else 400. */
  readonly status: 429 | 400;
  /** One sentence for the client. */
  readonly message: string;
  /** Time until it fits, if it does. */
  readonly retryAfterSeconds?: number;
  /** The limit's name, such as `tokens_per_minute`; `undefined` if the request is malformed. */
  readonly limit: string | undefined;
}

/**
 * Returns the model that runs for the name that a client asked for.
 *
 * @param mayUse whether the client may use a model
 */
export type ModelFor = (
  asked: string | undefined,
  mayUse: (model: string) => boolean,
) => string | undefined;
