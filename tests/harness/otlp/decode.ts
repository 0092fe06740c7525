import { BinaryReader } from "@bufbuild/protobuf/wire";

/** What arrives at a collector, read by the field numbers of opentelemetry-proto 1.x and not by the SDK that wrote it. */
export type Value = string | number | boolean;
export type Attributes = Readonly<Record<string, Value>>;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** As in the protocol: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Attributes;
  readonly events: readonly string[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly resource: Attributes;
}

export interface Point {
  readonly metric: string;
  readonly unit: string;
  readonly kind: "sum" | "histogram" | "gauge";
  /** 1 delta, 2 cumulative; 0 of a gauge, which has none. */
  readonly temporality: number;
  readonly attributes: Attributes;
  readonly atNs: bigint;
  /** Of a sum or gauge its value, of a histogram how many values there were. */
  readonly value: number;
  /** Of a histogram. */
  readonly sum: number;
  readonly bounds: readonly number[];
  readonly bucketCounts: readonly number[];
  readonly resource: Attributes;
}

type Fields = Readonly<Record<number, (reader: BinaryReader) => void>>;

function read(bytes: Uint8Array, fields: Fields): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const take = fields[number];
    if (take) take(reader);
    else reader.skip(wire);
  }
}

/** A message that is repeated. */
const each =
  <Message>(into: Message[], decode: (bytes: Uint8Array) => Message) =>
  (reader: BinaryReader): void => {
    into.push(decode(reader.bytes()));
  };

function valueOf(bytes: Uint8Array): Value {
  let value: Value = "";
  read(bytes, {
    1: (reader) => (value = reader.string()),
    2: (reader) => (value = reader.bool()),
    3: (reader) => (value = Number(reader.int64())),
    4: (reader) => (value = reader.double()),
  });
  return value;
}

function pairOf(bytes: Uint8Array): readonly [string, Value] {
  let [key, value]: [string, Value] = ["", ""];
  read(bytes, {
    1: (reader) => (key = reader.string()),
    2: (reader) => (value = valueOf(reader.bytes())),
  });
  return [key, value];
}

function resourceOf(bytes: Uint8Array): Attributes {
  const pairs: (readonly [string, Value])[] = [];
  read(bytes, { 1: each(pairs, pairOf) });
  return Object.fromEntries(pairs);
}

const hex = (reader: BinaryReader): string => Buffer.from(reader.bytes()).toString("hex");

/** A field of a message in a message, as text or number. */
function inner<Result>(bytes: Uint8Array, number: number, take: (reader: BinaryReader) => Result): Result[] {
  const found: Result[] = [];
  read(bytes, { [number]: (reader) => found.push(take(reader)) });
  return found;
}

function spanOf(bytes: Uint8Array, resource: Attributes): Span {
  const pairs: (readonly [string, Value])[] = [];
  const span = { traceId: "", spanId: "", parentSpanId: "", traceState: "", name: "", kind: 0, status: 0 };
  const times = { startNs: 0n, endNs: 0n };
  const events: string[] = [];
  read(bytes, {
    1: (reader) => (span.traceId = hex(reader)),
    2: (reader) => (span.spanId = hex(reader)),
    3: (reader) => (span.traceState = reader.string()),
    4: (reader) => (span.parentSpanId = hex(reader)),
    5: (reader) => (span.name = reader.string()),
    6: (reader) => (span.kind = reader.int32()),
    7: (reader) => (times.startNs = BigInt(reader.fixed64())),
    8: (reader) => (times.endNs = BigInt(reader.fixed64())),
    9: each(pairs, pairOf),
    11: (reader) => events.push(...inner(reader.bytes(), 2, (field) => field.string())),
    15: (reader) => (span.status = inner(reader.bytes(), 3, (field) => field.int32())[0] ?? 0),
  });
  return { ...span, ...times, events, attributes: Object.fromEntries(pairs), resource };
}

/** The messages of a field in a field: what is in `ResourceSpans` and `ResourceMetrics`. */
function inScopes(request: Uint8Array, take: (bytes: Uint8Array, resource: Attributes) => void): void {
  for (const whole of inner(request, 1, (reader) => reader.bytes())) {
    const [resource = {}] = inner(whole, 1, (reader) => resourceOf(reader.bytes()));
    for (const scope of inner(whole, 2, (reader) => reader.bytes())) {
      for (const item of inner(scope, 2, (reader) => reader.bytes())) take(item, resource);
    }
  }
}

/** `ExportTraceServiceRequest`. Throws where it is not one. */
export function decodeTraces(request: Uint8Array): readonly Span[] {
  const spans: Span[] = [];
  inScopes(request, (bytes, resource) => spans.push(spanOf(bytes, resource)));
  return spans;
}

type Data = Pick<Point, "atNs" | "attributes" | "value" | "sum" | "bounds" | "bucketCounts">;

const packed = (reader: BinaryReader, next: (inside: BinaryReader) => number): number[] => {
  const inside = new BinaryReader(reader.bytes());
  const numbers: number[] = [];
  while (inside.pos < inside.len) numbers.push(next(inside));
  return numbers;
};

function dataOf(bytes: Uint8Array, kind: Point["kind"]): Data {
  const pairs: (readonly [string, Value])[] = [];
  const found = { atNs: 0n, value: 0, sum: 0, bounds: [] as number[], bucketCounts: [] as number[] };
  const at: Fields = { 3: (reader) => (found.atNs = BigInt(reader.fixed64())) };
  const sum: Fields = {
    ...at,
    4: (reader) => (found.value = reader.double()),
    6: (reader) => (found.value = Number(reader.sfixed64())),
    7: each(pairs, pairOf),
  };
  const histogram: Fields = {
    ...at,
    4: (reader) => (found.value = Number(reader.fixed64())),
    5: (reader) => (found.sum = reader.double()),
    6: (reader) => (found.bucketCounts = packed(reader, (inside) => Number(inside.fixed64()))),
    7: (reader) => (found.bounds = packed(reader, (inside) => inside.double())),
    9: each(pairs, pairOf),
  };
  read(bytes, kind === "histogram" ? histogram : sum);
  return { ...found, attributes: Object.fromEntries(pairs) };
}

function pointsOf(bytes: Uint8Array, resource: Attributes): readonly Point[] {
  let [metric, unit] = ["", ""];
  const points: Point[] = [];
  const take = (kind: Point["kind"]) => (reader: BinaryReader) => {
    const body = reader.bytes();
    const [temporality = 0] = inner(body, 2, (field) => field.int32());
    for (const data of inner(body, 1, (field) => field.bytes())) {
      points.push({ metric, unit, kind, temporality, resource, ...dataOf(data, kind) });
    }
  };
  read(bytes, {
    1: (reader) => (metric = reader.string()),
    3: (reader) => (unit = reader.string()),
    5: take("gauge"),
    7: take("sum"),
    9: take("histogram"),
  });
  return points;
}

/** `ExportMetricsServiceRequest`. Throws where it is not one. */
export function decodeMetrics(request: Uint8Array): readonly Point[] {
  const points: Point[] = [];
  inScopes(request, (bytes, resource) => points.push(...pointsOf(bytes, resource)));
  return points;
}
