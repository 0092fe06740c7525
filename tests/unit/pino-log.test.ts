import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLog } from "../../lib/pino-log.ts";

const written = (level: string, write: (log: ReturnType<typeof createLog>) => void): readonly unknown[] => {
  const lines: string[] = [];
  write(createLog(level, { write: (line) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as unknown);
};

describe("the log", () => {
  test("is one line of JSON for each call: level by name, RFC 3339 time, fields, message", () => {
    const [line] = written("info", (log) => log.warn({ pod: "default/peer-a", ms: 3 }, "event held"));
    const { time, ...rest } = line as { readonly time: string };
    assert.deepEqual(rest, { level: "warn", pod: "default/peer-a", ms: 3, msg: "event held" });
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
  });

  for (const [level, expected] of [
    ["debug", 4],
    ["info", 3],
    ["warn", 2],
    ["error", 1],
    ["silent", 0],
  ] as const) {
    test(`leaves out what is less severe than ${level}`, () => {
      const lines = written(level, (log) => {
        log.debug({}, "a");
        log.info({}, "b");
        log.warn({}, "c");
        log.error({}, "d");
      });
      assert.equal(lines.length, expected);
    });
  }

  test("keeps a message with line breaks on its line", () => {
    assert.equal(written("info", (log) => log.info({ error: "a\nb" }, "c\nd")).length, 1);
  });
});
