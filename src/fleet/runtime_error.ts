/** Why a server could not be asked, in the runtime's words but for the address. */
export function failureIn(error: unknown): string {
  const { message, cause } = error as Error;
  const told = cause instanceof Error ? cause.message : message;
  const [, why] = /client error \(\w+\): (?:tcp connect error: )?(.*?)(?: \(os error \d+\))?$/
    .exec(told) ?? [];
  return why ?? told;
}

/**
 * Whether nobody was there to be asked: no connection could be made. `fetch` tells only in words
 * whether it ever had one.
 */
export function isConnectError(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message.includes("client error (Connect)");
}
