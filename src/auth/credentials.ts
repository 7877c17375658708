/** Headers that carry a plain key: Anthropic's clients send the first, Azure's the second. */
const PLAIN = ["x-api-key", "api-key"];

/**
 * Returns the keys a client presents, in `Authorization: Bearer …`, `x-api-key` and `api-key`. Any
 * of them may be valid: some clients always send the first, with a placeholder as its key.
 *
 * @param byPassword whether the password of `Authorization: Basic …` counts as well, which a
 *   browser can prompt for. The browser then sends it with any page's requests, so it must not be
 *   accepted for requests with side effects.
 */
export function credentialsIn(headers: Pick<Headers, "get">, byPassword: boolean): string[] {
  const authorization = headers.get("authorization") ?? "";
  const [, scheme = "", value = ""] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  const keys = [
    scheme.toLowerCase() === "bearer" ? value : undefined,
    scheme.toLowerCase() === "basic" && byPassword ? passwordIn(value) : undefined,
    ...PLAIN.map((name) => headers.get(name) ?? undefined),
  ];
  return keys.filter((key) => key !== undefined);
}

function passwordIn(basic: string): string | undefined {
  try {
    const [, password] = /^[^:]*:(.*)$/s.exec(atob(basic)) ?? [];
    return password;
  } catch {
    return undefined;
  }
}
