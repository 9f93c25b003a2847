/** Long lists: a first page that shows at once, then everything. */
import { call, type AnswerOf, type CallParts, type OperationName } from "@/api/client";

/** How many rows are enough to fill a screen. */
const FIRST_PAGE = 150;

interface Page {
  next?: string;
}

/**
 * The rows of a list operation, in two portions. `name` is where they stand in the answer.
 * Throws `ApiProblem`.
 */
export async function* readWholeList<Name extends OperationName, Row>(
  operation: Name,
  name: string,
  parts: CallParts<Name>,
  signal: AbortSignal,
): AsyncGenerator<Row[]> {
  const rowsOf = (answer: AnswerOf<Name>) => (answer as Record<string, unknown>)[name] as Row[];
  const query = parts.query as object | undefined;
  const first = await call(operation, {
    ...parts,
    query: { ...query, limit: FIRST_PAGE },
    signal,
  } as CallParts<Name>);
  yield rowsOf(first);
  const { next } = first as Page;
  if (next === undefined) return;
  // Without a limit a list comes as a whole, in pieces while it is read.
  const rest = { ...query, cursor: next };
  yield rowsOf(await call(operation, { ...parts, query: rest, signal } as CallParts<Name>));
}
