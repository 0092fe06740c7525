import * as z from "zod";

/** One environment variable. */
export interface Variable<Value = unknown> {
  /** Takes the text of the environment; undefined where it is not set. */
  readonly schema: z.ZodType<Value, string | undefined>;
  /** What would be right, completing "must be ...". */
  readonly mustBe: string;
  /** One or two sentences: meaning, unit, trade-off. */
  readonly about: string;
  /** Default as a person would write it; undefined: none. */
  readonly fallback?: string;
  /** Its value is never shown. */
  readonly secret?: true;
}

type Words<Value> = Omit<Variable<Value>, "schema" | "mustBe">;

const orElse = (fallback: string | undefined) => (received: string | undefined) => received ?? fallback;

/** A whole number between two bounds. */
export function number(least: number, most: number, words: Words<number>): Variable<number> {
  const parsed = z.coerce.number<string>().int().min(least).max(most);
  const schema = z.string().regex(/^\d+$/u).optional().transform(orElse(words.fallback)).pipe(parsed);
  return { ...words, schema, mustBe: `a whole number from ${least} to ${most}` };
}

export function oneOf<const Values extends readonly [string, ...string[]]>(
  values: Values,
  words: Words<Values[number]>,
): Variable<Values[number]> {
  const schema = z.string().optional().transform(orElse(words.fallback)).pipe(z.enum(values));
  return { ...words, schema, mustBe: `one of ${values.join(", ")}` };
}

/** Any text of this form; undefined where it is not set and has no default. */
export function text(
  form: RegExp,
  mustBe: string,
  words: Words<string | undefined>,
): Variable<string | undefined> {
  const schema = z.string().regex(form).optional().transform(orElse(words.fallback));
  return { ...words, schema, mustBe };
}

const byteUnits: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** Bytes, plainly or with a unit as Kubernetes writes it: `67108864`, `64Mi`. */
export function bytes(words: Words<number>): Variable<number> {
  const schema = z
    .string()
    .regex(/^[1-9]\d{0,11}(?:Ki|Mi|Gi)?$/u)
    .optional()
    .transform((written) => {
      const [, count = "0", unit = ""] = /^(\d+)(.*)$/u.exec(written ?? words.fallback ?? "") ?? [];
      return Number(count) * (byteUnits[unit] ?? 1);
    });
  return { ...words, schema, mustBe: "a number of bytes, perhaps with Ki, Mi or Gi" };
}

/** Any number of texts of this form, separated by commas; spaces do not count. */
export function list(
  form: RegExp,
  mustBe: string,
  words: Words<readonly string[]>,
): Variable<readonly string[]> {
  const schema = z
    .string()
    .optional()
    .transform((written) => (written ?? "").split(",").map((each) => each.trim()))
    .transform((all) => all.filter((each) => each !== ""))
    .pipe(z.array(z.string().regex(form)));
  return { ...words, schema, mustBe: `${mustBe}, separated by commas` };
}

export const url = /^https?:\/\/\S+$/u;
export const isUrl = "an address that begins with http:// or https://";

/** What stands for itself in a URL, or is percent-encoded, in user and password. */
export const redisUrl =
  /^rediss?:\/\/(?:(?:[^\s/@%?#]|%[\da-f]{2})*@)?(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?(?:\/\d*)?$/iu;
export const isRedisUrl = "redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS";
