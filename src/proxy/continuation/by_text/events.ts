type Json = Record<string, unknown>;

/** An event with its name, as vLLM writes it. */
export function namedEvent(event: Json): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Reads whole events; comments stay as they are. */
export function eventsIn(bytes: Uint8Array): (Json | string)[] {
  return decoder.decode(bytes).split("\n\n").slice(0, -1).map((event) => {
    const data = event.indexOf("data: ");
    return event.startsWith(":") || data < 0
      ? `${event}\n\n`
      : JSON.parse(event.slice(data + "data: ".length));
  });
}

const decoder = new TextDecoder();
