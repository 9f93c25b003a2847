/** The one dialog that asks before something is done that cannot be taken back. */
import { shallowRef } from "vue";

export interface Question {
  title: string;
  text: string;
  /** Lines below it, such as how many it applies to. */
  details?: string[];
  button: string;
  /** On the button that says no. */
  otherwise?: string;
  isDanger?: boolean;
  answer(isWanted: boolean): void;
}

export const question = shallowRef<Question | null>(null);

/** Whether the viewer says yes. */
export function confirm(asked: Omit<Question, "answer">): Promise<boolean> {
  question.value?.answer(false);
  return new Promise((resolve) => {
    question.value = {
      ...asked,
      answer(isWanted) {
        question.value = null;
        resolve(isWanted);
      },
    };
  });
}
