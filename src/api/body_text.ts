/**
 * Returns a body as text, `undefined` if it is too long.
 *
 * @param longest characters
 */
export async function bodyText(
  { body }: Pick<Request | Response, "body">,
  longest: number,
): Promise<string | undefined> {
  let text = "";
  for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.length > longest) return undefined;
  }
  return text;
}
