/** Times that follow from how a lightpeer works, in ms. */

/** Two health periods of a lightpeer and some slack: so long its network may still be cleaning up after a death. */
export const QUIET_MS = 1_200;

/** So long a member may be silent, or its container not ready, before it is given up. */
export const GIVE_UP_MS = 30_000;

/** Nothing should pass between the last probes and a change; after so long they are worth nothing. */
export const PROBES_GOOD_MS = 1_000;

/** So long what the API server said of the pods is worth something; longer than a slow list and a probe take. */
export const LOOK_GOOD_MS = 5_000;

/** Who was seen so short a time ago is still where it was: nobody asks again. */
export const LOOK_RECENT_MS = 100;

/** So long a Persist that began before a freeze may still be under way; and at most, where peers are slow. */
export const UNDER_WAY_MS = 100;
export const UNDER_WAY_AT_MOST_MS = 1_000;

/** Newest entries that differ this long apart, twice, are a fork and not an entry on its way. */
export const APART_MS = 1_000;

/** The lease of a step that only looks: one list, a few probe rounds, the quiet time between them. */
export const LOOK_LEASE_MS = 15_000;

/** How much longer than the call it protects a lease lives. */
export const LEASE_MARGIN_MS = 3_000;

/** Re-forms that people may ask for in a network within this time, and how many: each one refuses writes for a moment. */
export const REFORMS_WITHIN_MS = 60_000;
export const REFORMS_AT_MOST = 3;

/** A lightpeer checks the health of its list once in so long, with some slack. */
export const HEALTH_PERIOD_MS = 600;
