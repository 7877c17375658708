import type { FieldMap } from "../http/field_map.ts";
import type { Access, ApiKey, Settings } from "../config/config.ts";
import type { Entry, Keyring } from "../auth/keyring.ts";
import type { TokenBudgets } from "../auth/token_limits.ts";
import { credentialsIn } from "../auth/credentials.ts";
import type { Client } from "../proxy/client.ts";
import { type ApiError, keyLimitReached, tooManyFromClient, wrongKey } from "../http/api_errors.ts";
import { clientAddress, isTrusted } from "../http/client_address.ts";
import { corsHeaders, foreignOrigin, isForeign } from "./cors.ts";
import { inFlightHeaders, quotaHeaders } from "./limit_headers.ts";
import { requestTokens } from "./reserve.ts";

/** The client of an admitted request, or the error for a rejected one. */
export type Admitted =
  | { readonly client: Client; readonly error?: undefined }
  | { readonly error: ApiError; readonly headers: Headers };

type Headers = readonly [string, string][];

/** Why a request was rejected. */
export type DenialReason = "foreign_origin" | "no_key" | "key_limit" | "client_limit";

export interface GuardOptions {
  readonly keyring: Keyring;
  readonly budgets: TokenBudgets;
  readonly access: () => Access;
  readonly settings: () => Settings;
  /**
   * Called for each rejected request, with the name of its key if it is valid, and that of the
   * key's limit if one is reached.
   */
  readonly onTurnedAway: (
    why: DenialReason,
    address: string,
    key: string | undefined,
    limit: string | undefined,
  ) => void;
  /** Called for each request with an unknown key. */
  readonly onWrongKey: (address: string) => void;
}

/** Authenticates requests and enforces the limits of keys and client addresses. */
export interface Guard {
  /**
   * Admits or rejects an inference request.
   *
   * @param target its path, with its query
   */
  admit(headers: FieldMap, peer: string, target: string): Admitted;
  /**
   * Returns the key of a request, or `undefined` if it has no valid key and keys are enabled.
   *
   * @param peer address of the connection's other end
   * @param byPassword whether to accept HTTP Basic credentials, which browsers prompt for
   */
  keyOf(headers: FieldMap, peer: string, byPassword: boolean): ApiKey | "not_asked_for" | undefined;
}

/** The challenge in a 401 for API clients. */
export const CHALLENGE: readonly [string, string][] = [
  ["www-authenticate", 'Bearer realm="vllm-router"'],
];

/**
 * The challenge in a 401 that makes a browser prompt for a password. It has no other scheme:
 * Chromium doesn't prompt if another one precedes Basic.
 */
export const CHALLENGE_TO_PEOPLE: readonly [string, string][] = [
  ["www-authenticate", 'Basic realm="vllm-router"'],
];

export function createGuard(options: GuardOptions): Guard {
  const { keyring, budgets, access, settings, onTurnedAway, onWrongKey } = options;
  const inFlight = new Map<string, number>();

  /** Changes an address's count of requests in flight. */
  function count(address: string, change: 1 | -1): void {
    const next = (inFlight.get(address) ?? 0) + change;
    if (next > 0) inFlight.set(address, next);
    else inFlight.delete(address);
  }

  /** The client's address: the peer's, or the one a trusted proxy forwards. */
  function addressOf(headers: FieldMap, peer: string): string {
    const { trustedProxies } = settings();
    return isTrusted(peer, trustedProxies) ? clientAddress(headers, peer, trustedProxies) : peer;
  }

  function keyOf(
    headers: FieldMap,
    peer: string,
    byPassword: boolean,
  ): ApiKey | "not_asked_for" | undefined {
    if (!access().keysAreOn) return "not_asked_for";
    const shown = credentialsIn(headers, byPassword);
    for (const one of shown) {
      const key = keyring.find(one);
      if (key) return key;
    }
    if (shown.length > 0) onWrongKey(addressOf(headers, peer));
    return undefined;
  }

  return {
    keyOf,
    admit(headers, peer, target) {
      const { trustedProxies, maxInFlightPerClient = Infinity } = settings();
      const { corsOrigins } = access();
      const origin = headers.get("origin");
      const cors = corsHeaders(origin, corsOrigins);
      const address = addressOf(headers, peer);
      const key = keyOf(headers, peer, false);
      const apiKey = key === "not_asked_for" ? undefined : key;
      const turnAway = (
        why: DenialReason,
        error: ApiError,
        headers: Headers = [],
        limit?: string,
      ): Admitted => {
        onTurnedAway(why, address, apiKey?.name, limit);
        return { error, headers: [...cors, ...headers] };
      };

      if (isForeign(origin, corsOrigins)) return turnAway("foreign_origin", foreignOrigin);
      if (!key) return turnAway("no_key", wrongKey, CHALLENGE);
      if ((inFlight.get(address) ?? 0) >= maxInFlightPerClient) {
        return turnAway("client_limit", tooManyFromClient(maxInFlightPerClient));
      }
      const entry = apiKey && keyring.enter(apiKey);
      const ofLimits = entry ? limitHeaders(entry, target) : [];
      if (entry?.reached) {
        const { name, waitMs } = entry.reached;
        const retryAfter: [string, string] = ["retry-after", String(Math.ceil(waitMs / 1000))];
        return turnAway("key_limit", keyLimitReached, [...ofLimits, retryAfter], name);
      }
      const caller = entry?.caller;
      const answerHeaders = [...cors, ...ofLimits];
      const tokens = requestTokens(budgets, apiKey, target, answerHeaders);
      count(address, 1);
      return {
        client: {
          address,
          keyName: caller?.name,
          showsRoutersKey: caller !== undefined,
          isTrusted: isTrusted(peer, trustedProxies),
          headers: answerHeaders,
          priority: apiKey?.priority,
          reserve: tokens.reserve,
          mayUse: (model) => caller?.mayUse(model) ?? true,
          left(used) {
            count(address, -1);
            tokens.settle(used);
            caller?.leave();
          },
        },
      };
    },
  };
}

function limitHeaders({ requests, reached }: Entry, target: string): Headers {
  if (reached?.name === "max_in_flight") return inFlightHeaders(reached);
  return requests ? quotaHeaders(target, "requests", requests) : [];
}
