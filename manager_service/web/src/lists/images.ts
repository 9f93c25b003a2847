/** What jobs rendered last, live, the newest first. */
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { addressOf, call } from "@/api/client";
import { problemOf, type ApiProblem } from "@/api/problem";
import type { Job } from "@/api/schema";
import { follow } from "@/live/events";

export interface RenderedImage {
  jobId: string;
  name: string;
  status: string;
  stepsCompleted: number;
  stepsTotal: number;
  /** When the image came. It makes the browser ask again, since addresses of images stay. */
  renderedAt: string;
}

export interface RenderedImages {
  images: ShallowRef<readonly RenderedImage[]>;
  isLoading: Ref<boolean>;
  problem: ShallowRef<ApiProblem | null>;
  reread(): Promise<void>;
}

const MOST = 60;
const FIELDS = "id,name,status,steps_completed,steps_total,rendered_at";
/** A busy farm shows new images faster than anybody looks. */
const PAUSE_MS = 500;

/** Of jobs that are not archived; for the component that calls it. */
export function useRenderedImages(): RenderedImages {
  const images = shallowRef<readonly RenderedImage[]>([]);
  const isLoading = ref(true);
  const problem = shallowRef<ApiProblem | null>(null);
  const lifetime = new AbortController();
  let pause: ReturnType<typeof setTimeout> | undefined;
  let reading = new AbortController();

  async function reread(): Promise<void> {
    // What is asked later is newer, whichever answer comes first.
    reading.abort();
    reading = new AbortController();
    const signal = AbortSignal.any([reading.signal, lifetime.signal]);
    try {
      const query = { sort: "-rendered", limit: MOST, archived: false, fields: FIELDS } as const;
      const { jobs } = await call("fetchJobs", { query, signal });
      if (signal.aborted) return;
      images.value = jobs.map(imageOf);
      problem.value = null;
    } catch (error) {
      if (signal.aborted) return;
      problem.value = problemOf(error);
    }
    isLoading.value = false;
  }

  const stop = follow(["last-rendered"], {
    onReread: () => void reread(),
    onEvents() {
      pause ??= setTimeout(() => {
        pause = undefined;
        void reread();
      }, PAUSE_MS);
    },
  });
  onScopeDispose(() => {
    stop();
    clearTimeout(pause);
    lifetime.abort();
  });
  return { images, isLoading, problem, reread };
}

function imageOf(job: Job): RenderedImage {
  return {
    jobId: job.id,
    name: job.name,
    status: job.status,
    stepsCompleted: job.steps_completed,
    stepsTotal: job.steps_total,
    renderedAt: job.rendered_at ?? "",
  };
}

export type ImageSize = "last-rendered-tiny.jpg" | "last-rendered-small.jpg" | "last-rendered.jpg";

/** Where an image is. */
export function addressOfImage(image: RenderedImage, name: ImageSize): string {
  const path = { job_id: image.jobId, name } as never;
  return `${addressOf("fetchJobLastRenderedImage", { path })}?${encodeURIComponent(image.renderedAt)}`;
}
