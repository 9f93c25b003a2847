/** Errors in the one shape that the Manager has for them. */
import type { Error as ErrorForm } from "./schema";

export interface Problem {
  where: string;
  what: string;
  hint: string;
}

export class ApiProblem extends Error {
  /** `status` is that of HTTP, or 0 if there was no answer. */
  constructor(
    readonly status: number,
    message: string,
    readonly problems: Problem[] = [],
    /** Under which the Manager's log tells more. */
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = "ApiProblem";
  }

  static async of(response: Response): Promise<ApiProblem> {
    const id = response.headers.get("X-Request-Id");
    try {
      const form = (await response.json()) as ErrorForm;
      return new ApiProblem(response.status, form.message, (form.problems ?? []) as Problem[], id);
    } catch {
      const what = `The answer was ${response.status} ${response.statusText}`.trim();
      return new ApiProblem(response.status, `${what}, without a reason.`, [], id);
    }
  }

  /** What was wrong with a field, such as `priority`; empty if nothing was. */
  about(field: string): string {
    const found = this.problems.filter(
      ({ where }) => where === field || where.endsWith(`.${field}`) || where.endsWith(` ${field}`),
    );
    return found.map(({ what, hint }) => (hint ? `${what}; ${hint}` : what)).join(". ");
  }
}

export function unreachable(error: unknown): ApiProblem {
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  const what = isLate ? "The Manager took too long to answer" : "The Manager does not answer";
  return new ApiProblem(0, `${what}. Nothing was lost here; try again when it is back.`);
}

/** Any thrown thing as a problem, so that it can be shown. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem(-1, error instanceof Error ? error.message : String(error));
}
