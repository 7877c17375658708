/**
 * The key a client shows: `Authorization: Bearer …`, or `x-api-key` as Anthropic's clients send it.
 *
 * @param byPassword the password of `Authorization: Basic …` will do, which is what a browser can
 * ask a person for. It then sends it by itself, whatever page makes it ask: not to be taken for
 * what has an effect.
 * @returns `undefined` where it shows none
 */
export function presentedKey(headers: Headers, byPassword: boolean): string | undefined {
  const authorization = headers.get("authorization");
  if (authorization === null) return headers.get("x-api-key") ?? undefined;
  const [, scheme = "", value = ""] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return value;
    case "basic":
      return byPassword ? passwordIn(value) : undefined;
    default:
      return undefined;
  }
}

function passwordIn(basic: string): string | undefined {
  try {
    const [, password] = /^[^:]*:(.*)$/s.exec(atob(basic)) ?? [];
    return password;
  } catch {
    return undefined;
  }
}
