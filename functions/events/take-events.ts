import { readEvents, type ReadOrInvalid } from "./read-events.ts";
import type { Log } from "../../lib/log.ts";
import { held, type Outcome } from "../../lib/outcome.ts";
import type { Handlers } from "../http/handlers.ts";
import { outcomeHeader, problem, type Reply } from "../http/problem.ts";
import { replyTo } from "../http/reply.ts";
import { firstOf } from "../../lib/shown.ts";
import type { SweepReport } from "../../lib/reconcile/sweep.ts";
import { blindIn, summaryOf } from "./sweep-end.ts";
import type { StepAbout, Stepped, Telemetry } from "../telemetry/telemetry.ts";

/** How one event of a request ended. */
type EventEnd =
  | { readonly tag: "outcome"; readonly outcome: Outcome }
  | { readonly tag: "swept"; readonly report: SweepReport }
  | { readonly tag: "invalid"; readonly problems: readonly string[] };

interface Shell {
  readonly handlers: Handlers;
  /** In one batch. */
  readonly mostEvents: number;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

type EventRequest = Parameters<typeof readEvents>[0] & {
  /** Does somebody wait for the answer still? */
  readonly isWanted: () => boolean;
};

/** All events of one request, and what is answered to the sender. */
export async function takeEvents(shell: Shell, request: EventRequest): Promise<Reply> {
  const { handlers, mostEvents } = shell;
  const read = readEvents(request, { readPod: (data) => handlers.readPod(data), mostEvents });
  if (read.tag === "tooMany") return tooMany(read.count, mostEvents);
  const ends: Stepped<EventEnd>[] = [];
  let swept: Stepped<EventEnd> | undefined;
  // In their order, one at a time. What is left when the sender goes away comes again.
  for (const event of read.events) {
    if (!request.isWanted()) break;
    // One sweep does for all pings of a batch.
    const end = (event.tag === "ping" && swept) || (await takeEvent(shell, event));
    if (event.tag === "ping") swept = end;
    ends.push(end);
  }
  const [only] = ends;
  return read.batch || only === undefined ? replyToBatch(ends.map(({ end }) => end)) : replyToOne(only);
}

function tooMany(count: number, most: number): Reply {
  const detail = `a batch may have ${most} events (KLIGHT_BATCH_LIMIT), and this one has ${count}`;
  return problem(413, { title: "Too large", detail }, outcomeHeader("refused", detail));
}

async function takeEvent(
  { handlers, log, telemetry, now }: Shell,
  event: ReadOrInvalid,
): Promise<Stepped<EventEnd>> {
  const start = now();
  const stepped = await telemetry.step(aboutOf(event), () => endOf(handlers, log, event));
  const { end } = stepped;
  const ms = Math.round(now() - start);
  const trace = stepped.trace && { traceparent: stepped.trace.traceparent };
  if (end.tag === "outcome") {
    const { name, reason, message, pod, network } = end.outcome;
    const key = pod && `${pod.namespace}/${pod.name}`;
    const fields = { outcome: name, reason, message, pod: key, network, ms, ...trace };
    if (name === "held" || name === "refused") log.warn(fields, "event held");
    else log.info(fields, "event done");
  } else if (end.tag === "swept") {
    const { outcomes, unfinished, slow } = end.report;
    const blind = blindIn(outcomes);
    const fields = { steps: outcomes.length, unfinished, slow, ms, ...trace };
    if (blind) {
      log.warn(
        { ...fields, reason: blind.reason, message: blind.message },
        "sweep could not read everything",
      );
    } else log.info(fields, "sweep done");
  } else log.warn({ problems: end.problems, ms }, "event refused");
  return stepped;
}

const kinds = { pod: "pod", ping: "sweep", ignored: "other" } as const;

function aboutOf(event: ReadOrInvalid): StepAbout {
  if (event.tag === "invalid") return { kind: "unreadable" };
  const { tag, origin, trace } = event;
  return { kind: kinds[tag], ...(origin && { origin }), ...(trace && { trace }) };
}

async function endOf(handlers: Handlers, log: Log, event: ReadOrInvalid): Promise<EventEnd> {
  try {
    switch (event.tag) {
      case "invalid":
        return event;
      case "ignored":
        return { tag: "outcome", outcome: { name: "ignored", reason: event.reason, message: event.message } };
      case "ping":
        return { tag: "swept", report: await handlers.sweep() };
      case "pod":
        return { tag: "outcome", outcome: await handlers.podChanged(event) };
    }
  } catch (error) {
    log.error({ error: error instanceof Error ? error.stack : String(error) }, "a step broke off");
    const message = error instanceof Error ? error.message : String(error);
    return { tag: "outcome", outcome: held("InternalError", message, {}, 10) };
  }
}

function replyToOne({ end, trace }: Stepped<EventEnd>): Reply {
  switch (end.tag) {
    case "outcome":
      return replyTo(end.outcome, trace);
    case "swept":
      return replyToSweep(end.report);
    case "invalid":
      return unreadableReply(end.problems);
  }
}

function unreadableReply(problems: readonly string[]): Reply {
  const detail = problems.join("; ");
  const title = "Not an event that klight can read";
  return problem(400, { title, detail, problems }, outcomeHeader("refused", detail));
}

function outcomesOf(end: EventEnd): readonly Outcome[] {
  if (end.tag === "outcome") return [end.outcome];
  return end.tag === "swept" ? end.report.outcomes : [];
}

/** The good ones are done. Something held: the whole batch comes again, and what is done changes nothing then. */
function replyToBatch(ends: readonly EventEnd[]): Reply {
  // Pings have one end together.
  const outcomes = [...new Set(ends)].flatMap(outcomesOf);
  const waiting = outcomes.find((outcome) => outcome.name === "held");
  if (waiting) return replyTo(waiting);
  const problems = ends.flatMap((end, index) =>
    end.tag === "invalid" ? end.problems.map((each) => `event ${index}: ${each}`) : [],
  );
  if (problems.length > 0) return unreadableReply(firstOf(problems, (each) => each));
  return { status: 204, headers: summary(outcomes, []) };
}

/** A ping is tried again only where nothing could be read; held networks are for the next sweep. */
function replyToSweep({ outcomes, unfinished }: SweepReport): Reply {
  const blind = blindIn(outcomes);
  if (blind) return replyTo(blind);
  return { status: 204, headers: summary(outcomes, unfinished) };
}

function summary(outcomes: readonly Outcome[], unfinished: readonly string[]): Record<string, string> {
  const { weightiest, counts } = summaryOf(outcomes);
  const left = unfinished.length > 0 ? `; not finished: ${unfinished.join(", ")}` : "";
  return outcomeHeader(weightiest, counts + left);
}
