import { getSystemErrorMap } from "node:util";

/** An error, with the system's name for it if it has one. */
type Told = Error & { readonly code?: string };

/** No connection could be made. The cause is what `node:https` said. */
export class ConnectError extends Error {
  /** Tells it from others in logs. */
  override name = "ConnectError";
}

/** Why a server could not be asked, in the runtime's words but for the address. */
export function failureIn(error: unknown): string {
  const { cause } = error as Error;
  const { message: told, code } = (cause instanceof Error ? cause : error) as Told;
  if (told.includes("CaUsedAsEndEntity")) return AUTHORITY_AS_SERVER;
  const [, why] = /client error \(\w+\): (?:tcp connect error: )?(.*?)(?: \(os error \d+\))?$/
    .exec(told) ?? [];
  return why ?? systemError(code) ?? told;
}

/** What `fetch` says of such a certificate helps nobody. */
const AUTHORITY_AS_SERVER =
  "invalid peer certificate: it is an authority's own; to trust it, name it as ca, and have it " +
  "issued for the host in url";

/** An error of the system in words, without the address. */
function systemError(code: string | undefined): string | undefined {
  for (const [name, words] of getSystemErrorMap().values()) if (name === code) return words;
}

/**
 * Whether nobody was there to be asked: no connection could be made. `fetch` tells only in words
 * whether it ever had one.
 */
export function isConnectError(error: unknown): boolean {
  if (error instanceof ConnectError) return true;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message.includes("client error (Connect)");
}
