import type { Json } from "../api/body.ts";
import type { Choice } from "./wording.ts";

/** The minor versions of vLLM that first knew these. */
const SINCE = { tokenIds: 11, promptIds: 32, render: 32 } as const;

/** Whether a server of this version, such as "0.32.0", knows something. */
export function knows(version: string, what: keyof typeof SINCE): boolean {
  return Number(version.split(".")[1]) >= SINCE[what];
}

/** Writes the members that tell token ids, `null` unless the request asks for them. */
export interface IdMembers {
  /** The id of the newest token. */
  ofToken(choice: Choice): string;
  readonly ofNone: string;
  ofPrompt(choice: Choice): string;
  readonly areAsked: boolean;
}

export function idMembers(body: Json, version: string): IdMembers {
  const areAsked = body.return_token_ids === true && knows(version, "tokenIds");
  const list = (ids: readonly number[] | Uint32Array) => areAsked ? `[${ids.join()}]` : "null";
  return {
    areAsked,
    ofToken: ({ tokens }) => `"token_ids":${list(tokens.slice(-1))}`,
    ofNone: `"token_ids":${list([])}`,
    ofPrompt: ({ prompt }) => `"prompt_token_ids":${list(prompt)}`,
  };
}
