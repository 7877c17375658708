/** Headers in which clients show a key as it is: Anthropic's clients the first, Azure's the other. */
const PLAIN = ["x-api-key", "api-key"];

/**
 * The keys a client shows, any of which may be the router's: `Authorization: Bearer …`, `x-api-key`
 * and `api-key`. Some clients always send the first, with no key in it that means anything.
 *
 * @param byPassword the password of `Authorization: Basic …` will do, which is what a browser can
 * ask a person for. It then sends it by itself, whatever page makes it ask: not to be taken for
 * what has an effect.
 */
export function credentialsIn(headers: Headers, byPassword: boolean): string[] {
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
