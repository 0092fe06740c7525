import type { ClusterFailure } from "../cluster/cluster.ts";
import { held, type Held } from "../outcome.ts";

/** An API server that cannot be asked holds the step: it never means that there are no pods. */
export const clusterHeld = ({ kind, message }: ClusterFailure, network?: string): Held =>
  held(
    kind === "forbidden" ? "ClusterForbidden" : "ClusterUnavailable",
    message,
    network === undefined ? {} : { network },
  );
