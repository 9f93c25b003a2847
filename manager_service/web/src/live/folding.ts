/** Several events about one thing become one: its newest state. */
import type { LiveEvent } from "./events";

/** By what each event is about, in the order in which things were first told. */
export type FoldedEvents = Map<string, LiveEvent>;

let nextNumber = 0;

export function foldInto(folded: FoldedEvents, events: readonly LiveEvent[]): void {
  for (const event of events) {
    const subject = subjectOf(event);
    const before = folded.get(subject);
    folded.set(subject, before ? merged(before, event) : event);
  }
}

function subjectOf(event: LiveEvent): string {
  switch (event.type) {
    case "job":
    case "task":
    case "worker":
      return `${event.type}/${event.data.id}`;
    case "tag":
      return `tag/${event.data.tag.id}`;
    case "last-rendered":
    case "tasks":
      return `${event.type}/${event.data.job_id}`;
    case "farm-status":
      return event.type;
    case "accounts":
      return `accounts/${event.data.users}/${event.data.tokens}`;
    default:
      // Texts of logs follow each other, none takes the place of another.
      return `${event.type}/${nextNumber++}`;
  }
}

/** The newest state, with what an earlier event asked for. */
function merged(before: LiveEvent, event: LiveEvent): LiveEvent {
  if (event.type === "job" && before.type === "job" && before.data.refresh_tasks) {
    return { ...event, data: { ...event.data, refresh_tasks: true } };
  }
  return event;
}
