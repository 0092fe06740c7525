import { CloudEvent, ValidationError } from "cloudevents";

/** An HTTP request that may carry CloudEvents. Header names in lower case. */
export interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** One event of a request, or every problem with it: the attribute, and what it was. */
export type Opened =
  | { readonly tag: "event"; readonly event: CloudEvent<unknown> }
  | { readonly tag: "invalid"; readonly problems: readonly string[] };

export interface Envelope {
  readonly batch: boolean;
  readonly events: readonly Opened[];
}

const invalid = (...problems: string[]): Opened => ({ tag: "invalid", problems });
const single = (opened: Opened): Envelope => ({ batch: false, events: [opened] });

/** Opens a request in binary, structured or batch mode (CloudEvents 1.0, HTTP protocol binding). */
export function openEnvelope({ headers, body }: Request): Envelope {
  const contentType = headerOf(headers, "content-type") ?? "";
  const mediaType = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  if (mediaType === "application/cloudevents-batch+json") return openBatch(body);
  if (mediaType === "application/cloudevents+json") {
    const read = readJson(body);
    return single(read.tag === "json" ? openObject(read.value) : read);
  }
  if (!Object.keys(headers).some((name) => name.startsWith("ce-"))) {
    const wanted =
      "application/cloudevents+json, application/cloudevents-batch+json, or ce- headers with any";
    return single(invalid(`content-type: must be ${wanted}, was ${JSON.stringify(contentType)}`));
  }
  return single(openBinary(headers, mediaType, body));
}

function openBatch(body: Buffer): Envelope {
  const read = readJson(body);
  if (read.tag === "invalid") return { batch: true, events: [read] };
  if (!Array.isArray(read.value)) {
    return { batch: true, events: [invalid(`body: must be a list of events, was ${kindOf(read.value)}`)] };
  }
  return { batch: true, events: read.value.map(openObject) };
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

/** The SDK would give an event without id or time one of its own; here such an event is broken. */
function openObject(value: unknown): Opened {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return invalid(`event: must be a JSON object, was ${kindOf(value)}`);
  }
  const attributes = value as Readonly<Record<string, unknown>>;
  const problems = required.flatMap((name) => {
    const given = attributes[name];
    if (name === "specversion" && given !== undefined && given !== "1.0") {
      return [`specversion: must be "1.0", was ${JSON.stringify(given)}`];
    }
    if (typeof given === "string" && given !== "") return [];
    return [
      `${name}: must be a text that is not empty, was ${given === undefined ? "missing" : JSON.stringify(given)}`,
    ];
  });
  if (problems.length > 0) return invalid(...problems);
  try {
    return { tag: "event", event: new CloudEvent<unknown>(attributes) };
  } catch (error) {
    return invalid(...sdkProblems(error, attributes));
  }
}

function sdkProblems(error: unknown, attributes: Readonly<Record<string, unknown>>): readonly string[] {
  const found = error instanceof ValidationError && Array.isArray(error.errors) ? error.errors : [];
  const named = found.flatMap((each) => {
    if (typeof each === "string") return [each];
    const { instancePath, message = "is not right" } = each;
    const name = instancePath.slice(1);
    return name === "" ? [] : [`${name}: ${message}, was ${JSON.stringify(attributes[name])}`];
  });
  return named.length > 0 ? named : [error instanceof Error ? error.message : String(error)];
}

export function readJson(
  body: Uint8Array,
): { tag: "json"; value: unknown } | Extract<Opened, { tag: "invalid" }> {
  if (body.length === 0) return { tag: "invalid", problems: ["body: must be JSON, was empty"] };
  try {
    const written = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return { tag: "json", value: JSON.parse(written) as unknown };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { tag: "invalid", problems: [`body: must be JSON: ${why}`] };
  }
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

const kindOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
