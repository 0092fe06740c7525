import { readFileSync, writeFileSync } from "node:fs";
import { readOptions } from "./options.ts";
import { format } from "prettier";
import { type ReasonFacts, reasons } from "../lib/reasons.ts";

/**
 * Writes docs/reasons.md from the table in code. With `--check` it only says whether the file is what it would
 * write, and ends with status 1 if not.
 */
const file = new URL("../docs/reasons.md", import.meta.url);

/** What stands above the reasons of each group. */
const groups = {
  ignored: ["ignored", "Nothing to do for this event; nothing was called. HTTP 204."],
  member: ["member", "The peer is in its network already. HTTP 204."],
  founded: [
    "founded",
    "The peer stands alone and is the first contact of its network. HTTP 200 with a CloudEvent.",
  ],
  joined: ["joined", "One plain JoinNetwork put the peer in. HTTP 200 with a CloudEvent."],
  reformed: [
    "reformed",
    "The network was re-formed, with the peer in it if there was one. HTTP 200 with a CloudEvent.",
  ],
  left: ["left", "The pod is off the stack. HTTP 200 with a CloudEvent."],
  refused: [
    "refused",
    "klight will not do it with these settings; asking again changes nothing. HTTP 200 with a CloudEvent.",
  ],
  held: [
    "held",
    "Nothing is changed now; the sender comes back after Retry-After seconds. HTTP 503 where it passes within seconds or nothing could be read, else 409: a Trigger tries both again, a source without a Broker only 503.",
  ],
  condition: [
    "Beside outcomes: the condition",
    "Reasons of the pod condition `klight.dev/joined` that no outcome has. All other reasons of the condition are those of the outcomes `founded`, `joined`, `reformed`, `left`, `refused` and `held`.",
  ],
  event: [
    "Beside outcomes: Events",
    "Reasons of Kubernetes Events that are about a network, recorded at its newest member, and of those about klight's Knative Service, which tell how its sweeps ended.",
  ],
  caller: [
    "Beside outcomes: callers",
    "Said to callers whose token is checked (`KLIGHT_OIDC_ISSUER`), in the header and as the title of the answer. HTTP 401; `SubjectNotAllowed` 403; `KeysUnavailable` 503.",
  ],
  found: [
    "Beside outcomes: what a look finds",
    "Found by looking at pod and store: on the page, in `GET /networks` and in `klight why`.",
  ],
} as const satisfies Record<keyof typeof reasons, readonly [title: string, about: string]>;

const minutes = (ms: number): string => `${ms / 60_000} min`;

/** What to expect of a reason, from its fields. */
const course = ({ mendsItself, transient, mayLastMs, blind }: ReasonFacts): readonly string[] => [
  ...(blind ? ["What is so cannot be seen meanwhile."] : []),
  ...(mendsItself && mayLastMs < Infinity ? [`Passes by itself${transient ? " within seconds" : ""}.`] : []),
  ...(mayLastMs === 0 ? ["Needs help."] : []),
  ...(mayLastMs > 0 && mayLastMs < Infinity ? [`Needs help after ${minutes(mayLastMs)}.`] : []),
];

const entries = (facts: Readonly<Record<string, ReasonFacts>>): string =>
  Object.entries(facts)
    .map(
      ([reason, each]) =>
        `### ${reason}\n\n${each.says}\n\n**What helps:** ${each.cure}\n\n${course(each).join(" ")}`,
    )
    .join("\n\n");

const text = `# Outcomes and reasons

Every step ends in one outcome with one reason. The header \`klight-outcome\`, the pod condition \`klight.dev/joined\`, Kubernetes Events, the page, \`klight why\` and metrics all use these words. A pod that is out for longer than its reason may last needs help: on the page, in the command line and in the alerts.

<!-- Written by scripts/write-reasons-docs.ts from lib/reasons.ts. -->

${Object.entries(groups)
  .map(
    ([name, [title, about]]) =>
      `## ${title}\n\n${about}\n\n${entries(reasons[name as keyof typeof reasons])}`,
  )
  .join("\n\n")}
`;

const values = readOptions(
  "node scripts/write-reasons-docs.ts [--check]\n\nWrites docs/reasons.md from lib/reasons.ts.",
  {
    check: {
      type: "boolean",
      default: false,
      says: "writes nothing, exits with 1 where the file is another",
    },
  },
);
const wanted = await format(text, { parser: "markdown", printWidth: 110 });
if (!values.check) writeFileSync(file, wanted);
else if (readFileSync(file, "utf8") !== wanted) {
  console.error("docs/reasons.md is not what the code says: run scripts/write-reasons-docs.ts");
  process.exitCode = 1;
}
