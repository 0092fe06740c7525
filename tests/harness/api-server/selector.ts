import { isLabelValue } from "./validation.ts";
import { badRequest, RefusedError } from "./status.ts";

export type Labels = Readonly<Record<string, string>>;

/** Which objects a LIST or a watch is about: `key` or `key=value`, several with commas. */
export function parseSelector(selector: string): (labels: Labels | undefined) => boolean {
  const demands = selector
    .split(",")
    .filter((demand) => demand !== "")
    .map((demand) => {
      const [, key, , value] = /^([-A-Za-z0-9_./]+)(={1,2}(.*))?$/u.exec(demand.trim()) ?? [];
      if (key === undefined || (value !== undefined && !isLabelValue(value))) {
        throw new RefusedError(badRequest(`unable to parse requirement: ${demand}`));
      }
      return { key, value };
    });
  return (labels) =>
    demands.every(({ key, value }) => {
      const given = labels?.[key];
      return given !== undefined && (value === undefined || given === value);
    });
}
