const latin1 = new TextDecoder("latin1");
const LAST_CHUNK = "0\r\n\r\n";

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly wantsStream: boolean;
  /** It asks for token ids. */
  readonly wantsIds: boolean;
}

/** Parses a request of which these are all bytes so far; `undefined` if more must come. */
export function parseRequest(bytes: Uint8Array): UpstreamRequest | undefined {
  const text = latin1.decode(bytes);
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head);
  const isWhole = isChunked ? text.endsWith(LAST_CHUNK) : text.length >= headEnd + 4 + length;
  if (!isWhole) return undefined;
  const [method = "", target = ""] = head.split(" ", 2);
  return {
    method,
    path: target.split("?", 1)[0]!,
    wantsStream: /"stream": ?true/.test(text),
    wantsIds: /"return_token_ids": ?true/.test(text),
  };
}
