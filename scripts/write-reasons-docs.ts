import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { format } from "prettier";
import { reasons } from "../lib/reasons.ts";
import { otherReasons, type Words } from "../lib/words.ts";

/**
 * Writes docs/reasons.md from the tables in code. With `--check` it only says whether the file is what it would
 * write, and ends with status 1 if not.
 */
const file = new URL("../docs/reasons.md", import.meta.url);

const outcomes = {
  ignored: "Nothing to do for this event; nothing was called. HTTP 204.",
  member: "The peer is in its network already. HTTP 204.",
  founded: "The peer stands alone and is the first contact of its network. HTTP 200 with a CloudEvent.",
  joined: "One plain JoinNetwork put the peer in. HTTP 200 with a CloudEvent.",
  reformed: "The network was re-formed, with the peer in it if there was one. HTTP 200 with a CloudEvent.",
  left: "The pod is off the stack. HTTP 200 with a CloudEvent.",
  refused:
    "klight will not do it with these settings; asking again changes nothing. HTTP 200 with a CloudEvent.",
  held: "Nothing is changed now; the sender comes back after Retry-After seconds. HTTP 503.",
} as const satisfies Record<keyof typeof reasons, string>;

const others = {
  condition:
    "Reasons of the pod condition `klight.dev/joined` that no outcome has. All other reasons of the condition are those of the outcomes `founded`, `joined`, `reformed`, `left`, `refused` and `held`.",
  event: "Reasons of Kubernetes Events that are about a network; they are recorded at its newest member.",
  caller:
    "Said to callers whose token is checked (`KLIGHT_OIDC_ISSUER`), in the header and as the title of the answer. HTTP 401; `SubjectNotAllowed` 403; `KeysUnavailable` 503.",
  found: "Found by looking at pod and store: on the page, in `GET /networks` and in `klight why`.",
} as const satisfies Record<keyof typeof otherReasons, string>;

const titles = {
  condition: "Beside outcomes: the condition",
  event: "Beside outcomes: Events",
  caller: "Beside outcomes: callers",
  found: "Beside outcomes: what a look finds",
} as const satisfies Record<keyof typeof otherReasons, string>;

const entries = (words: Readonly<Record<string, Words>>): string =>
  Object.entries(words)
    .map(([reason, { says, cure }]) => `### ${reason}\n\n${says}\n\n**What helps:** ${cure}`)
    .join("\n\n");

const text = `# Outcomes and reasons

Every step ends in one outcome with one reason. The header \`klight-outcome\`, the pod condition \`klight.dev/joined\`, Kubernetes Events, the page and \`klight why\` all use these words. A reason whose cure begins with "Nothing" passes by itself.

<!-- Written by scripts/write-reasons-docs.ts from lib/reasons.ts and lib/words.ts. -->

${Object.entries(outcomes)
  .map(([name, meaning]) => `## ${name}\n\n${meaning}\n\n${entries(reasons[name as keyof typeof reasons])}`)
  .join("\n\n")}

${Object.entries(others)
  .map(([name, meaning]) => {
    const key = name as keyof typeof otherReasons;
    return `## ${titles[key]}\n\n${meaning}\n\n${entries(otherReasons[key])}`;
  })
  .join("\n\n")}
`;

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const wanted = await format(text, { parser: "markdown", printWidth: 110 });
if (!values.check) writeFileSync(file, wanted);
else if (readFileSync(file, "utf8") !== wanted) {
  console.error("docs/reasons.md is not what the code says: run scripts/write-reasons-docs.ts");
  process.exitCode = 1;
}
