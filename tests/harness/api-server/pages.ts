import { randomUUID } from "node:crypto";
import type { PodObject } from "./objects.ts";
import { badRequest, RefusedError } from "./status.ts";

/** Lists in pages: all pages of one list show the pods of one moment. */
export interface Pages {
  first(pods: readonly PodObject[], limit: number, version: string): object;
  next(token: string, limit: number): object;
  /** As a compaction does: every list that was begun can no longer be gone on with. */
  expire(): void;
}

interface Rest {
  readonly pods: readonly PodObject[];
  readonly version: string;
}

export function createPages(): Pages {
  const rests = new Map<string, Rest>();
  const expired = new Set<string>();

  const page = ({ pods, version }: Rest, limit: number): object => {
    const size = limit > 0 ? limit : pods.length;
    const rest = pods.slice(size);
    const token = rest.length > 0 ? randomUUID() : undefined;
    if (token !== undefined) rests.set(token, { pods: rest, version });
    return {
      kind: "PodList",
      apiVersion: "v1",
      metadata: { resourceVersion: version, ...(token !== undefined && { continue: token }) },
      // The items of a list do not say what they are.
      items: pods.slice(0, size).map(({ metadata, spec, status }) => ({ metadata, spec, status })),
    };
  };

  return {
    first: (pods, limit, version) => page({ pods, version }, limit),
    next(token, limit) {
      if (expired.has(token)) {
        const message = "The provided continue parameter is too old to display a consistent list result.";
        throw new RefusedError({ code: 410, reason: "Expired", message });
      }
      const rest = rests.get(token);
      if (rest === undefined) throw new RefusedError(badRequest("continue key is not valid"));
      return page(rest, limit);
    },
    expire() {
      for (const token of rests.keys()) expired.add(token);
    },
  };
}
