/**
 * Requests to the Manager, by the names of its operations.
 *
 * `await call("fetchJob", { path: { job_id } })` is typed by the OpenAPI document, both ways.
 */
import { ApiProblem, unreachable } from "./problem";
import { OPERATIONS } from "./operations";
import type { operations } from "./schema";

export type OperationName = keyof operations & keyof typeof OPERATIONS;

type ParametersOf<Name extends OperationName> = operations[Name]["parameters"];
type Given<Part> = [Part] extends [undefined | never] ? undefined : Part;
type JsonOf<Content> = Content extends { content: { "application/json": infer Json } }
  ? Json
  : unknown;
type BodyOf<Name extends OperationName> = operations[Name] extends { requestBody: infer Body }
  ? JsonOf<Body>
  : operations[Name] extends { requestBody?: infer Body }
    ? JsonOf<NonNullable<Body>>
    : undefined;

/** What an operation answers when it succeeds: JSON, or nothing. */
export type AnswerOf<Name extends OperationName> = operations[Name]["responses"] extends {
  200: { content: { "application/json": infer Json } };
}
  ? Json
  : undefined;

export interface CallParts<Name extends OperationName> {
  path?: Given<ParametersOf<Name>["path"]>;
  query?: Given<ParametersOf<Name>["query"]>;
  header?: Given<ParametersOf<Name>["header"]>;
  body?: BodyOf<Name>;
  signal?: AbortSignal;
}

const TIME_LIMIT_MS = 60_000;

/** Is told of each 401, so that the page can ask who is there. */
let onUnauthorized: () => void = () => undefined;

export function whenUnauthorized(handler: () => void): void {
  onUnauthorized = handler;
}

/** Asks the Manager. Throws `ApiProblem`, whatever goes wrong; an `AbortError` if aborted. */
export async function call<Name extends OperationName>(
  name: Name,
  parts: CallParts<Name> = {},
): Promise<AnswerOf<Name>> {
  const response = await send(name, parts);
  if (response.status === 204 || response.headers.get("Content-Length") === "0") {
    return undefined as AnswerOf<Name>;
  }
  const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
  try {
    return (isJson ? await response.json() : await response.text()) as AnswerOf<Name>;
  } catch (error) {
    if (parts.signal?.aborted) throw error;
    throw unreachable(error);
  }
}

/** The response itself, for what is not JSON. Throws like `call`. */
export async function send<Name extends OperationName>(
  name: Name,
  parts: CallParts<Name> = {},
): Promise<Response> {
  const [method] = OPERATIONS[name];
  const limit = AbortSignal.timeout(TIME_LIMIT_MS);
  const headers: Record<string, string> = { ...(parts.header as Record<string, string>) };
  if (parts.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(addressOf(name, parts), {
      method,
      headers,
      body: parts.body === undefined ? null : JSON.stringify(parts.body),
      signal: parts.signal ? AbortSignal.any([parts.signal, limit]) : limit,
    });
  } catch (error) {
    if (parts.signal?.aborted) throw error;
    throw unreachable(error);
  }
  if (response.ok) return response;
  if (response.status === 401 && name !== "logIn") onUnauthorized();
  throw await ApiProblem.of(response);
}

/** The address of an operation, for links and images. */
export function addressOf<Name extends OperationName>(
  name: Name,
  parts: Pick<CallParts<Name>, "path" | "query"> = {},
): string {
  const path = OPERATIONS[name][1].replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(String((parts.path as Record<string, unknown>)[key])),
  );
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries((parts.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== "") query.set(key, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
