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

const TOO_OLD =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
  "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
  "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
  "deleted between the time the first chunk was returned and now may show up in the list.";

export function createPages(): Pages {
  const rests = new Map<string, Rest>();
  const expired = new Set<string>();

  const kept = (rest: Rest): string => {
    const token = randomUUID();
    rests.set(token, rest);
    return token;
  };

  const page = ({ pods, version }: Rest, limit: number): object => {
    const size = limit > 0 ? limit : pods.length;
    const rest = pods.slice(size);
    const token = rest.length > 0 ? kept({ pods: rest, version }) : undefined;
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
      const rest = rests.get(token);
      if (rest !== undefined && expired.has(token)) {
        // Offers to go on with what there is, at the price of a list of two moments.
        const next = kept(rest);
        throw new RefusedError({ code: 410, reason: "Expired", message: TOO_OLD, next });
      }
      if (rest === undefined) throw new RefusedError(badRequest("continue key is not valid"));
      return page(rest, limit);
    },
    expire() {
      for (const token of rests.keys()) expired.add(token);
    },
  };
}
