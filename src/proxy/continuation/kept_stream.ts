import { GrowingBytes } from "../../util/growing_bytes.ts";
import type { Endpoint } from "../request/continuable.ts";
import type { Identity } from "./identity.ts";
import type { KeepBudget } from "./keep_budget.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * What is kept of a stream, so that another server can go on with it. Token ids and text are kept
 * as they stand in JSON. A server's answer tells the ids of its prompt once, and of each event; at
 * the endpoints that tell no ids, they are found when the stream has broken off (`by_text/`).
 */
export class KeptStream {
  /** From the first event. */
  identity: Identity | undefined;
  /** The prompt's token ids, separated by commas. */
  promptIds: string | undefined;
  /** How many tokens belong to text that has gone out. What a server held back comes after. */
  sentTokens = 0;
  /** The member of the delta that text went out in last, and whether that was another one before. */
  field: string | undefined;
  hasChangedField = false;
  hasToolCall = false;
  /** Something other than text has gone out whose tokens nothing tells. */
  hasOther = false;
  hasFinished = false;
  hasUsage = false;
  /** Without ids: the events that opened the answer and its text. */
  readonly opening: Json[] = [];
  /** Without ids: how many events have gone out. */
  events = 0;
  /** Without ids: events that close the text, held back until the answer has finished. */
  readonly closing: Uint8Array<ArrayBuffer>[] = [];
  /** Without ids: the length of each event's text, as it stands in JSON. */
  readonly partLengths: number[] = [];
  /** There was no memory, or the stream isn't as expected: it can't be continued. */
  isLost = false;
  readonly #ids = new GrowingBytes();
  #tokens = 0;
  /** The bytes of the first `sentTokens` ids. */
  #sentBytes = 0;
  readonly #text = new GrowingBytes();
  #openingBytes = 0;
  #taken = 0;
  #request: Json | "unreadable" | undefined;

  /** @param body the request's body, as the client sent it */
  constructor(
    readonly endpoint: Endpoint,
    readonly asksIds: boolean,
    readonly body: Uint8Array,
    readonly budget: KeepBudget,
  ) {
    this.#reserve();
  }

  /** Tokens of the answer, with those whose text was held back. */
  get allTokens(): number {
    return this.#tokens;
  }

  /** Keeps the ids of an event: a list as it stands in JSON, without its opening bracket. */
  addIds(list: Uint8Array): void {
    if (list.length === 1) return;
    this.#ids.append(list);
    this.#ids.replaceLast(COMMA);
    this.#tokens++;
    for (let i = 0; i < list.length; i++) if (list[i] === COMMA) this.#tokens++;
    this.#reserve();
  }

  /** Keeps the text of the event whose ids were added last: with it all held back text went out. */
  addText(field: string, text: Uint8Array): void {
    if (field !== this.field) {
      this.hasChangedField ||= this.field !== undefined;
      this.field = field;
      this.#text.clear();
    }
    this.#text.append(text);
    this.sentTokens = this.#tokens;
    this.#sentBytes = this.#ids.length;
    this.#reserve();
  }

  /** Without ids: keeps an event that opens a part of the answer. */
  addOpening(event: Json, bytes: number): void {
    this.opening.push(event);
    this.#openingBytes += bytes;
    this.#reserve();
  }

  /** Without ids: keeps the text of an event, which is that of one token or more. */
  addPart(text: Uint8Array): void {
    this.partLengths.push(text.length);
    this.#tokens++;
    this.addText("text", text);
  }

  /** Sets the ids of the prompt and of all text that has gone out. */
  setIds(prompt: readonly number[], sent: readonly number[]): void {
    this.promptIds = prompt.join();
    this.#ids.clear();
    this.#ids.append(new TextEncoder().encode(sent.map((id) => `${id},`).join("")));
    this.#tokens = this.sentTokens = sent.length;
    this.#sentBytes = this.#ids.length;
    this.#reserve();
  }

  /** Without ids: returns the events held back, and holds them back no more. */
  takeClosing(): Uint8Array<ArrayBuffer>[] {
    return this.closing.splice(0);
  }

  /** Without ids: returns the text of each event. */
  parts(): string[] {
    const text = this.#text.first();
    let end = 0;
    return this.partLengths.map((length) => {
      const part = decoder.decode(text.subarray(end, end += length));
      return JSON.parse(`"${part}"`);
    });
  }

  /** Forgets what was held back: another server computes it again. */
  cut(): void {
    this.takeClosing();
    if (this.partLengths.length > 0) return;
    this.#ids.length = this.#sentBytes;
    this.#tokens = this.sentTokens;
  }

  /** Forgets all but the first tokens. */
  cutTo(count: number): void {
    const ids = this.#ids.first();
    let bytes = 0;
    for (let found = 0; found < count; bytes++) if (ids[bytes] === COMMA) found++;
    this.sentTokens = count;
    this.#sentBytes = bytes;
    this.cut();
  }

  /** The ids of the prompt and of what was sent, separated by commas. */
  idsSoFar(): string {
    const sent = decoder.decode(this.#ids.first(this.#sentBytes)).slice(0, -1);
    return sent === "" ? this.promptIds! : `${this.promptIds},${sent}`;
  }

  /** The ids of what was sent. */
  sentIds(): number[] {
    const ids = decoder.decode(this.#ids.first(this.#sentBytes));
    return ids.split(",").slice(0, -1).map(Number);
  }

  /** The text sent in the current member. */
  text(): string {
    return JSON.parse(`"${decoder.decode(this.writtenText())}"`);
  }

  /** The same as it stands in JSON, without the quotes. */
  writtenText(): Uint8Array {
    return this.#text.first();
  }

  /**
   * The request, parsed once, and only when its stream has broken off; `unreadable` if it isn't JSON:
   * a server may accept what isn't, such as `NaN`.
   */
  get request(): Json | "unreadable" {
    return this.#request ??= parsed(this.body);
  }

  /** Keeps nothing any more. */
  drop(): void {
    this.isLost = true;
    this.#request = undefined;
    this.budget.give(this.#taken);
    this.#taken = 0;
  }

  #reserve(): void {
    const bytes = this.body.length + (this.promptIds?.length ?? 0) + this.#ids.capacity +
      this.#text.capacity + this.#openingBytes + 8 * this.partLengths.length;
    if (this.isLost || bytes <= this.#taken) return;
    if (!this.budget.take(bytes - this.#taken)) return this.drop();
    this.#taken = bytes;
  }
}

const COMMA = 0x2c;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function parsed(body: Uint8Array): Json | "unreadable" {
  try {
    return JSON.parse(decoder.decode(body));
  } catch {
    return "unreadable";
  }
}
