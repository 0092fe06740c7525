import { CloudEvent, ValidationError } from "cloudevents";
import { firstOf, shown } from "../../lib/shown.ts";
import { readJson } from "./read-json.ts";

/** An HTTP request that may carry CloudEvents. Header names in lower case. */
export interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** One event of a request, or every problem with it: the attribute, and what it was. */
export type Opened =
  | { readonly tag: "event"; readonly event: CloudEvent<unknown> }
  | { readonly tag: "invalid"; readonly problems: readonly string[] };

/** `tooMany`: a batch of more events than may be in one. */
export type Envelope =
  | { readonly tag: "events"; readonly batch: boolean; readonly events: readonly Opened[] }
  | { readonly tag: "tooMany"; readonly count: number };

const invalidEnvelope = (...problems: string[]): Opened => ({ tag: "invalid", problems });
const single = (opened: Opened): Envelope => ({ tag: "events", batch: false, events: [opened] });

/** Opens a request in binary, structured or batch mode (CloudEvents 1.0, HTTP protocol binding). */
export function openEnvelope({ headers, body }: Request, mostEvents: number): Envelope {
  const contentType = headerOf(headers, "content-type") ?? "";
  const mediaType = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  if (mediaType === "application/cloudevents-batch+json") return openBatch(body, mostEvents);
  if (mediaType === "application/cloudevents+json") {
    const read = readJson(body);
    return single(read.tag === "json" ? openObject(read.value) : read);
  }
  if (!Object.keys(headers).some((name) => name.startsWith("ce-"))) {
    const wanted =
      "application/cloudevents+json, application/cloudevents-batch+json, or ce- headers with any";
    return single(invalidEnvelope(`content-type: must be ${wanted}, was ${shown(contentType)}`));
  }
  return single(openBinary(headers, mediaType, body));
}

const batch = (...events: readonly Opened[]): Envelope => ({ tag: "events", batch: true, events });

function openBatch(body: Buffer, mostEvents: number): Envelope {
  const read = readJson(body);
  if (read.tag === "invalid") return batch(read);
  const { value } = read;
  if (!Array.isArray(value))
    return batch(invalidEnvelope(`body: must be a list of events, was ${typeNameOf(value)}`));
  if (value.length > mostEvents) return { tag: "tooMany", count: value.length };
  return batch(...value.map(openObject));
}

function openBinary(headers: Request["headers"], mediaType: string, body: Buffer): Opened {
  const attributes: Record<string, unknown> = {};
  for (const name of Object.keys(headers).filter((header) => header.startsWith("ce-"))) {
    attributes[name.slice("ce-".length)] = decoded(headerOf(headers, name) ?? "");
  }
  if (mediaType !== "") attributes["datacontenttype"] = mediaType;
  if (body.length === 0) return openObject(attributes);
  if (!isJson(mediaType)) return openObject({ ...attributes, data: body });
  const read = readJson(body);
  return read.tag === "json" ? openObject({ ...attributes, data: read.value }) : read;
}

/** Is data of this type JSON? */
export const isJson = (mediaType: string): boolean =>
  /^(?:application\/json|[^;]*\+json)(?:\s*;.*)?$/iu.test(mediaType);

const required = ["id", "source", "type", "specversion"] as const;
/** Many more than any sender has: each one is looked at. */
const MOST_ATTRIBUTES = 100;

/** The SDK would give an event without id or time one of its own; here such an event is broken. */
function openObject(value: unknown): Opened {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return invalidEnvelope(`event: must be a JSON object, was ${typeNameOf(value)}`);
  }
  const attributes = value as Readonly<Record<string, unknown>>;
  const count = Object.keys(attributes).length;
  if (count > MOST_ATTRIBUTES)
    return invalidEnvelope(`event: may have ${MOST_ATTRIBUTES} attributes, has ${count}`);
  const problems = [...attributeProblems(attributes), ...base64Problems(attributes["data_base64"])];
  if (problems.length > 0) return invalidEnvelope(...problems);
  try {
    return { tag: "event", event: new CloudEvent<unknown>(attributes) };
  } catch (error) {
    return invalidEnvelope(...sdkProblems(error, attributes));
  }
}

const attributeProblems = (attributes: Readonly<Record<string, unknown>>): readonly string[] =>
  required.flatMap((name) => {
    const given = attributes[name];
    if (name === "specversion" && given !== undefined && given !== "1.0") {
      return [`specversion: must be "1.0", was ${shown(given)}`];
    }
    if (typeof given === "string" && given !== "") return [];
    const was = given === undefined ? "missing" : shown(given);
    return [`${name}: must be a text that is not empty, was ${was}`];
  });

function base64Problems(given: unknown): readonly string[] {
  if (given === undefined || given === null) return [];
  const isBase64 = typeof given === "string" && /^[A-Za-z0-9+/]*={0,2}$/u.test(given);
  return isBase64 ? [] : [`data_base64: must be base64, was ${shown(given)}`];
}

const MESSAGE_CHARACTERS = 200;

function sdkProblems(error: unknown, attributes: Readonly<Record<string, unknown>>): readonly string[] {
  const found = error instanceof ValidationError && Array.isArray(error.errors) ? error.errors : [];
  const named = found.flatMap((each) => {
    if (typeof each === "string") return [each];
    const { instancePath, message = "is not right" } = each;
    const name = instancePath.slice(1);
    return name === "" ? [] : [`${name}: ${message}, was ${shown(attributes[name])}`];
  });
  const [message = ""] = String(error instanceof Error ? error.message : error).split("\n");
  return named.length > 0 ? firstOf(named, (each) => each) : [message.slice(0, MESSAGE_CHARACTERS)];
}

/** Header values are percent-encoded where they are not ASCII. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function headerOf(headers: Request["headers"], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const typeNameOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
