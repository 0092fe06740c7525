/**
 * Stands in for `node:test` where mutants are tried: tests are not run as they are declared but kept, and run as often as
 * there are mutants. A test file that needs more of `node:test` than this cannot be loaded, and the error says so.
 */
export interface KeptTest {
  readonly name: string;
  readonly body: () => unknown;
}

let kept: KeptTest[] = [];
let suites: readonly string[] = [];

export function test(name: string, body: () => unknown): void {
  kept.push({ name: [...suites, name].join(" > "), body });
}

export function describe(name: string, body: () => void): void {
  const outer = suites;
  suites = [...outer, name];
  body();
  suites = outer;
}

export const it = test;

/** The tests that were declared since this was called last. */
export function takeTests(): readonly KeptTest[] {
  const taken = kept;
  kept = [];
  suites = [];
  return taken;
}
