/** Whether a name or a model, which others than the file's author give, is one line of text. */
export function isOneLine(text: string): boolean {
  return /^[^\p{Cc}]{1,200}$/u.test(text);
}

/**
 * Whether those who add servers, or annotate pods, may refer to this variable. They would otherwise
 * be sent any variable of the router.
 */
export function isKeyVariable(name: string): boolean {
  return /^VLLM_API_KEY\w*$/.test(name);
}
