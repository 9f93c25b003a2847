/**
 * What happens on the farm, over one WebSocket for the whole page.
 *
 * `follow(topics, …)` hears of each later change. Events of one frame of the screen are folded:
 * of each thing only the newest state is told, so that a farm that changes thousands of times a
 * second costs as much as it shows. Whatever was missed for good is told as `reread`.
 */
import { ref, shallowRef } from "vue";
import { OPERATIONS } from "@/api/operations";
import { askWho, mustLogIn } from "@/api/session";
import type {
  EventAccountsUpdate,
  EventJobUpdate,
  EventLastRenderedUpdate,
  EventLifeCycle,
  EventTaskLogUpdate,
  EventTasksUpdate,
  EventTaskUpdate,
  EventWorkerTagUpdate,
  EventWorkerUpdate,
  FarmStatusReport,
} from "@/api/schema";
import { foldInto, type FoldedEvents } from "./folding";

interface DataOf {
  job: EventJobUpdate;
  task: EventTaskUpdate;
  tasks: EventTasksUpdate;
  "task-log": EventTaskLogUpdate;
  worker: EventWorkerUpdate;
  tag: EventWorkerTagUpdate;
  accounts: EventAccountsUpdate;
  "last-rendered": EventLastRenderedUpdate;
  "farm-status": FarmStatusReport;
  "life-cycle": EventLifeCycle;
}
export type EventType = keyof DataOf;
export type LiveEvent = {
  [Type in EventType]: { type: Type; topics: string[]; data: DataOf[Type] };
}[EventType];

export interface Follower {
  /** What changed since the last call, each thing once (pieces of logs each for themselves). */
  onEvents(events: LiveEvent[]): void;
  /** Something was missed: read again what is shown. Also called once when following begins. */
  onReread(): void;
}

interface Following extends Follower {
  topics: readonly string[];
  /** Whether `onReread` was called. */
  hasBegun: boolean;
  /** Whether it was called since the Manager follows these topics, so that nothing is missed. */
  isFollowed: boolean;
}

/** "open", or why nothing comes. */
export const connection = ref<"connecting" | "open" | "lost">("connecting");
/** When the connection was lost; null while it stands. */
export const lostSince = shallowRef<Date | null>(null);

const SILENCE_MS = 40_000; // The Manager says something every 15 s.
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;
const MOST_WAITING = 100_000;
const BACKGROUND_FLUSH_MS = 1_000;
/** How long data may wait for the connection before it is read without it. */
const PATIENCE_MS = 1_500;

const followings = new Set<Following>();
const counts = new Map<string, number>();
/** What the Manager has said that it tells of on this connection. */
let followed: ReadonlySet<string> = new Set();
/** Requests without an answer: until they have one, older answers say too much or too little. */
let unanswered = 0;
let socket: WebSocket | null = null;
let lastId: string | null = null;
let lastHeard = Date.now();
let delay = FIRST_DELAY_MS;
let retry: ReturnType<typeof setTimeout> | undefined;
let waiting: FoldedEvents = new Map();
let isFlushPlanned = false;

/** Hears of changes about the topics until the returned function is called. */
export function follow(topics: readonly string[], follower: Follower): () => void {
  const following: Following = { ...follower, topics, hasBegun: false, isFollowed: false };
  followings.add(following);
  const added = topics.filter((topic) => change(topic, +1));
  if (added.length) say("subscribe", added);
  // Those that are followed already need no answer first.
  else if (isToldOf(following)) queueMicrotask(() => begin(following, isToldOf(following)));
  if (socket?.readyState !== WebSocket.OPEN) {
    connect();
    setTimeout(() => begin(following, false), PATIENCE_MS);
  }
  return () => {
    if (!followings.delete(following)) return;
    const dropped = topics.filter((topic) => change(topic, -1));
    if (dropped.length) say("unsubscribe", dropped);
  };
}

function isToldOf({ topics }: Following): boolean {
  return !unanswered && topics.every((topic) => followed.has(topic));
}

/** Whether a topic begins or ends to be followed by it. */
function change(topic: string, by: 1 | -1): boolean {
  const before = counts.get(topic) ?? 0;
  if (before + by === 0) counts.delete(topic);
  else counts.set(topic, before + by);
  return before === 0 || before + by === 0;
}

/** Has it read: at once if there is no connection, and for good when nothing is missed any more. */
function begin(following: Following, isFollowed: boolean): void {
  if (!followings.has(following) || following.isFollowed) return;
  if (following.hasBegun && !isFollowed) return;
  following.hasBegun = true;
  following.isFollowed = isFollowed;
  following.onReread();
}

function connect(): void {
  if (socket || mustLogIn.value) return;
  clearTimeout(retry);
  const address = new URL(OPERATIONS.followEvents[1], location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const opened = (socket = new WebSocket(address));
  followed = new Set();
  unanswered = 0;
  lastHeard = Date.now();
  opened.onmessage = ({ data }) => socket === opened && hear(String(data));
  opened.onclose = () => socket === opened && lose();
  opened.onopen = () => {
    delay = FIRST_DELAY_MS;
    connection.value = "open";
    lostSince.value = null;
    if (counts.size) say("subscribe", [...counts.keys()], lastId);
  };
}

function lose(): void {
  socket = null;
  if (connection.value !== "lost") lostSince.value = new Date();
  connection.value = "lost";
  // It may have ended since the session did.
  void askWho();
  clearTimeout(retry);
  retry = setTimeout(connect, delay * (0.75 + Math.random() / 2));
  delay = Math.min(delay * 1.7, LONGEST_DELAY_MS);
}

/** Ends the connection and makes another at once, such as after sleep, or a login. */
export function reconnect(): void {
  if (socket) {
    const old = socket;
    socket = null;
    old.onclose = old.onmessage = null;
    old.close();
  }
  delay = FIRST_DELAY_MS;
  clearTimeout(retry);
  if (counts.size) connect();
}

/** Before there is a connection, nothing needs to be said: it begins with all topics. */
function say(op: "subscribe" | "unsubscribe", topics: string[], since?: string | null): void {
  if (socket?.readyState !== WebSocket.OPEN) return;
  unanswered++;
  socket.send(JSON.stringify(since ? { op, topics, since } : { op, topics }));
}

interface Frame {
  type: "hello" | "events" | "following" | "reread" | "alive" | "refused";
  last_id?: string;
  topics?: string[];
  events?: LiveEvent[];
}

function hear(text: string): void {
  lastHeard = Date.now();
  const frame = JSON.parse(text) as Frame;
  if (frame.type === "events") receive(frame.events ?? []);
  else if (frame.type === "reread") reread(new Set(frame.topics), true);
  else if (frame.type === "following" || frame.type === "refused") {
    unanswered--;
    if (frame.topics) followed = new Set(frame.topics);
    for (const each of [...followings]) if (isToldOf(each)) begin(each, true);
  }
  // The greeting's id is that of now: with it, what was missed would be skipped.
  if (frame.last_id && frame.type !== "hello") lastId = frame.last_id;
}

function receive(events: LiveEvent[]): void {
  foldInto(waiting, events);
  if (waiting.size > MOST_WAITING) {
    waiting = new Map();
    reread(new Set(counts.keys()), false);
  } else planFlush();
}

function planFlush(): void {
  if (isFlushPlanned) return;
  isFlushPlanned = true;
  // Hidden pages get no frames.
  if (document.hidden) setTimeout(flush, BACKGROUND_FLUSH_MS);
  else requestAnimationFrame(flush);
}

function flush(): void {
  isFlushPlanned = false;
  const events = [...waiting.values()];
  waiting = new Map();
  for (const each of [...followings]) {
    const wanted = new Set(each.topics);
    const own = events.filter(({ topics }) => topics.some((topic) => wanted.has(topic)));
    if (own.length && each.hasBegun) each.onEvents(own);
  }
}

function reread(about: ReadonlySet<string>, isFollowed: boolean): void {
  for (const each of [...followings]) {
    if (each.topics.some((topic) => about.has(topic))) {
      each.hasBegun = true;
      each.isFollowed ||= isFollowed;
      each.onReread();
    }
  }
}

// After sleep, timers go on as if nothing had been, and the old socket may look alive for minutes.
const TICK_MS = 5_000;
let lastTick = Date.now();
setInterval(() => {
  const now = Date.now();
  const hasSlept = now - lastTick > TICK_MS * 4 && !document.hidden;
  lastTick = now;
  if (hasSlept || (socket && now - lastHeard > SILENCE_MS)) reconnect();
}, TICK_MS);
window.addEventListener("online", reconnect);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (Date.now() - lastHeard > SILENCE_MS) reconnect();
  else if (waiting.size) flush();
});
