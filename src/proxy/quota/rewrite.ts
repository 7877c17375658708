import type { Room } from "../admission.ts";
import type { Rewrite } from "../attempt/ask.ts";
import { tapEvents } from "../sse/tap_events.ts";
import type { RequestRecord } from "../request_record.ts";
import type { TokenMembers } from "./token_members.ts";
import { countEvents, withoutUsage } from "./usage_event.ts";
import { withMember } from "./with_member.ts";

/** Wins over the body's member. */
const PRIORITY_HEADER = "x-vllm-priority";
const ASK_USAGE = '{"include_usage":true}';

/** Sets the key's priority, at servers that schedule by priority, in place of the client's. */
export function createPriority(
  priority: number,
  { isJson, hasPriority }: TokenMembers,
): Omit<Rewrite, "tap"> {
  return {
    bodyFor(body, { config: { schedulesByPriority = false } }) {
      if (!isJson || !(schedulesByPriority || hasPriority)) return body;
      // Other servers refuse any priority but 0.
      return withMember(body, "priority", `${schedulesByPriority ? priority : 0}`, hasPriority);
    },
    headersFor(headers, { config: { schedulesByPriority } }) {
      const others = headers.filter(([name]) => name !== PRIORITY_HEADER);
      return schedulesByPriority ? [...others, [PRIORITY_HEADER, String(priority)]] : others;
    },
  };
}

/**
 * Counts the events of streams in the record, asks for the usage of those that don't tell it, and
 * takes it out again.
 *
 * @param asks the stream tells its usage only if asked, and the client hasn't asked
 * @param room reserves the memory of the changed body; without any, the usage isn't asked for
 */
export function createCount(
  record: RequestRecord,
  asks: boolean,
  { hasStreamOptions }: TokenMembers,
  room: Room,
): Omit<Rewrite, "headersFor"> {
  return {
    bodyFor: (body) =>
      asks && room.take(body.length)
        ? withMember(body, "stream_options", ASK_USAGE, hasStreamOptions)
        : body,
    tap: (upstream) =>
      tapEvents(upstream, (events) => {
        record.events += countEvents(events);
        if (!asks) return events;
        const { events: rest, usage } = withoutUsage(events);
        record.usage = usage ?? record.usage;
        return rest;
      }, () => {}),
  };
}
