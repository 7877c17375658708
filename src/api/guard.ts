import type { Access, ApiKey, Settings } from "../config/config.ts";
import type { Keyring } from "../auth/keyring.ts";
import { credentialsIn } from "../auth/credentials.ts";
import type { Client } from "../proxy/client.ts";
import { type ApiError, keyLimitReached, tooManyFromClient, wrongKey } from "../http/api_errors.ts";
import { clientAddress, isTrusted } from "../http/client_address.ts";
import { corsHeaders, foreignOrigin, isForeign } from "./cors.ts";

/** A request that is let in, or why it isn't. */
export type Admitted =
  | { readonly client: Client; readonly error?: undefined }
  | { readonly error: ApiError; readonly headers: readonly [string, string][] };

/** Why a request was turned away at the door. */
export type Turned = "foreign_origin" | "no_key" | "key_limit" | "client_limit";

export interface GuardOptions {
  readonly keyring: Keyring;
  readonly access: () => Access;
  readonly settings: () => Settings;
  /** Hears of each request that is turned away, with the name of the key that it showed. */
  readonly onTurnedAway: (why: Turned, address: string, key: string | undefined) => void;
  /** Hears of each request that shows a key which is none of the router's. */
  readonly onWrongKey: (address: string) => void;
}

/** Stands at the door: asks for keys and keeps to the limits of keys and addresses. */
export interface Guard {
  /** Lets a request for inference in, or not. */
  admit(request: Request, peer: string): Admitted;
  /**
   * The key a request shows; `undefined` where keys are asked for and it is none of them.
   *
   * @param peer the address that it came from
   * @param byPassword a browser may show it, as it asks people for it
   */
  keyOf(request: Request, peer: string, byPassword: boolean): ApiKey | "not_asked_for" | undefined;
}

/** What goes with a 401: how a program shows its key. */
export const CHALLENGE: readonly [string, string][] = [
  ["www-authenticate", 'Bearer realm="vllm-router"'],
];

/**
 * How a browser asks a person for it, where a password will do. Alone: Chromium doesn't ask where
 * another scheme stands before it.
 */
export const CHALLENGE_TO_PEOPLE: readonly [string, string][] = [
  ["www-authenticate", 'Basic realm="vllm-router"'],
];

export function createGuard(options: GuardOptions): Guard {
  const { keyring, access, settings, onTurnedAway, onWrongKey } = options;
  const inFlight = new Map<string, number>();

  /** One more request of an address, or one less. */
  function count(address: string, change: 1 | -1): void {
    const next = (inFlight.get(address) ?? 0) + change;
    if (next > 0) inFlight.set(address, next);
    else inFlight.delete(address);
  }

  /** Whose request it is: that of who asks, or of whom a trusted proxy asks for. */
  function addressOf({ headers }: Request, peer: string): string {
    const { trustedProxies } = settings();
    return isTrusted(peer, trustedProxies) ? clientAddress(headers, peer, trustedProxies) : peer;
  }

  function keyOf(
    request: Request,
    peer: string,
    byPassword: boolean,
  ): ApiKey | "not_asked_for" | undefined {
    if (!access().keysAreOn) return "not_asked_for";
    const shown = credentialsIn(request.headers, byPassword);
    for (const one of shown) {
      const key = keyring.find(one);
      if (key) return key;
    }
    if (shown.length > 0) onWrongKey(addressOf(request, peer));
    return undefined;
  }

  return {
    keyOf,
    admit(request, peer) {
      const { trustedProxies, maxInFlightPerClient = Infinity } = settings();
      const { corsOrigins } = access();
      const origin = request.headers.get("origin");
      const cors = corsHeaders(origin, corsOrigins);
      const address = addressOf(request, peer);
      const key = keyOf(request, peer, false);
      const keyName = key === "not_asked_for" ? undefined : key?.name;
      const turnAway = (
        why: Turned,
        error: ApiError,
        headers: readonly [string, string][] = [],
      ): Admitted => {
        onTurnedAway(why, address, keyName);
        return { error, headers: [...cors, ...headers] };
      };

      if (isForeign(origin, corsOrigins)) return turnAway("foreign_origin", foreignOrigin);
      if (!key) return turnAway("no_key", wrongKey, CHALLENGE);
      if ((inFlight.get(address) ?? 0) >= maxInFlightPerClient) {
        return turnAway("client_limit", tooManyFromClient(maxInFlightPerClient));
      }
      const entry = key === "not_asked_for" ? undefined : keyring.enter(key);
      if (entry && !entry.caller) return turnAway("key_limit", keyLimitReached, entry.headers);
      const caller = entry?.caller;
      count(address, 1);
      return {
        client: {
          address,
          keyName: caller?.name,
          showsRoutersKey: caller !== undefined,
          isTrusted: isTrusted(peer, trustedProxies),
          headers: entry ? [...cors, ...entry.headers] : cors,
          mayUse: (model) => caller?.mayUse(model) ?? true,
          left() {
            count(address, -1);
            caller?.leave();
          },
        },
      };
    },
  };
}
