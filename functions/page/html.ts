/** Text that may stand in a page as it is. Only {@link html} makes it, so nothing gets there without being escaped. */
export class Html {
  readonly #text: string;

  constructor(parts: TemplateStringsArray, values: readonly Part[]) {
    let text = parts[0] ?? "";
    for (let index = 0; index < values.length; index += 1) {
      text += htmlOf(values[index]) + (parts[index + 1] ?? "");
    }
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand between the literal parts of a page; `undefined` and `false` leave nothing. */
export type Part = Html | string | number | undefined | false | readonly Part[];

/** A piece of a page: the literal parts stay as they are, every value is escaped. Values of attributes are quoted. */
export const html = (parts: TemplateStringsArray, ...values: readonly Part[]): Html =>
  new Html(parts, values);

function htmlOf(value: Part): string {
  if (typeof value === "string") return escaped(value);
  if (value instanceof Html) return value.toString();
  if (value === undefined || value === false) return "";
  if (typeof value === "number") return String(value);
  let text = "";
  for (const each of value) text += htmlOf(each);
  return text;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: string): string =>
  /[&<>"']/u.test(text) ? text.replace(/[&<>"']/gu, (character) => entities[character] ?? "") : text;
