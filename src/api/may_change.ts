import { credentialsIn } from "../auth/credentials.ts";
import { hashOf } from "../config/key_hash.ts";
import { type ApiError, wrongKey } from "../http/api_errors.ts";

/** Which requests may change servers at the admin address. */
export interface MayChangeOptions {
  /** Returns the hashes of the keys that allow it; `undefined` if none are configured. */
  readonly keys: () => readonly string[] | undefined;
  /** Whether only this machine can reach the admin address. */
  readonly isLocal: boolean;
  /** Called for each request with an unknown key. */
  readonly onWrongKey: (address: string) => void;
}

/**
 * Returns why a request may not change servers, `undefined` if it may. Pages may not in any case.
 * With `admin.api_keys`, one of them is required; without, some changes are for this machine only.
 *
 * @param address the client's
 * @param needsKey whether a key is required where others can reach the admin address
 */
export type WhyNotChanged = (
  request: Pick<Request, "headers">,
  address: string,
  needsKey: boolean,
) => ApiError | undefined;

/** Decides which requests may change servers. */
export function createMayChange({ keys, isLocal, onWrongKey }: MayChangeOptions): WhyNotChanged {
  return ({ headers }, address, needsKey) => {
    if (headers.has("origin")) return fromPage;
    const allowed = keys();
    if (allowed === undefined) return needsKey && !isLocal ? noAdminKey : undefined;
    const shown = credentialsIn(headers, false);
    // The time this takes reveals at most the hash of the presented key, not a valid key.
    if (shown.some((key) => allowed.includes(hashOf(key)))) return undefined;
    if (shown.length > 0) onWrongKey(address);
    return wrongKey;
  };
}

/** Whether an address that is listened on can be reached only from this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(hostname);
}

const fromPage: ApiError = {
  status: 403,
  message: "Servers can't be changed from a web page.",
  type: "invalid_request_error",
  code: "origin_not_allowed",
};

const noAdminKey: ApiError = {
  status: 403,
  message: "Servers can be changed here only with a key, since the admin address is not a " +
    "loopback address. To set one, add it to admin.api_keys.",
  type: "permission_error",
  code: "admin_key_required",
};
