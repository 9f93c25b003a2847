/** Who the viewer is to the Manager, and what they may do. */
import { computed, reactive } from "vue";
import { call, whenUnauthorized, type OperationName } from "./client";
import { OPERATIONS } from "./operations";
import type { UserRole, WhoAmI } from "./schema";

const RANKS: readonly string[] = ["viewer", "artist", "wrangler", "admin"];

interface Session {
  who: WhoAmI | null;
  /** Of the Manager, for the title and to notice another version. */
  manager: { name: string; version: string } | null;
  /** The Manager could not be asked. */
  isUnreachable: boolean;
}

export const session = reactive<Session>({ who: null, manager: null, isUnreachable: false });

export const role = computed<UserRole | null>(() => session.who?.role ?? null);
export const mustLogIn = computed(() => session.who !== null && role.value === null);
/** Whether the viewer is known by a name, so that there is something to log out of. */
export const isPerson = computed(() => session.who?.kind === "person" && role.value !== null);

let asking: Promise<void> | null = null;

/** Asks the Manager who the viewer is. Does not throw: see `session.isUnreachable`. */
export function askWho(): Promise<void> {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

async function ask(): Promise<void> {
  try {
    const [who, version] = await Promise.all([call("whoAmI"), call("getVersion")]);
    session.who = who;
    session.manager = { name: version.name, version: version.version };
    session.isUnreachable = false;
  } catch {
    session.isUnreachable = true;
  }
}

whenUnauthorized(() => void askWho());

/** Throws `ApiProblem` if name or password are wrong. */
export async function logIn(name: string, password: string): Promise<void> {
  session.who = await call("logIn", { body: { name, password } });
}

export async function logOut(everywhere = false): Promise<void> {
  await call("logOut", { query: { everywhere } });
  await askWho();
}

/** Why the viewer may not do an operation; empty if they may. */
export function refusalOf(operation: OperationName): string {
  const [, , needed, isSensitive] = OPERATIONS[operation];
  const rank = RANKS.indexOf(needed);
  if (rank >= 0 && role.value === null) return "Log in first";
  if (rank >= 0 && RANKS.indexOf(role.value!) < rank) {
    return `This needs the role ${needed}; you are ${role.value}`;
  }
  return isSensitive ? sentence(session.who?.sensitive_refusal ?? "") : "";
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
