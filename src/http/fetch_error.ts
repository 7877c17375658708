import { getSystemErrorMap } from "node:util";

/** An error, with its system error code, if any. */
type SystemError = Error & { readonly code?: string };

/** No connection could be made. The cause is the error from `node:https`. */
export class ConnectError extends Error {
  /** Identifies it in logs. */
  override name = "ConnectError";
}

/** Returns why a request to a server failed: the runtime's message without the address. */
export function failureIn(error: unknown): string {
  const { cause } = error as Error;
  const { message: text, code } = (cause instanceof Error ? cause : error) as SystemError;
  if (text.includes("CaUsedAsEndEntity")) return AUTHORITY_AS_SERVER;
  const [, why] = /client error \(\w+\): (?:tcp connect error: )?(.*?)(?: \(os error \d+\))?$/
    .exec(text) ?? [];
  return why ?? systemError(code) ?? text;
}

/** Replaces `fetch`'s message for such a certificate, which suggests no remedy. */
const AUTHORITY_AS_SERVER =
  "invalid peer certificate: it is a CA's own certificate; to trust it, set it as ca, and have it " +
  "issued for the host in url";

/** The text of a system error, without the address. */
function systemError(code: string | undefined): string | undefined {
  for (const [name, words] of getSystemErrorMap().values()) if (name === code) return words;
}

/**
 * Whether a request failed because no connection could be made. For `fetch`, only the text of the
 * error shows this.
 */
export function isConnectError(error: unknown): boolean {
  if (error instanceof ConnectError) return true;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message.includes("client error (Connect)");
}
