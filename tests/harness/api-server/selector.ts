import type { PodObject } from "./objects.ts";
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

/** What of a pod a field selector may name. */
const fields: Readonly<Record<string, (pod: PodObject) => string | undefined>> = {
  "metadata.name": ({ metadata }) => metadata.name,
  "metadata.namespace": ({ metadata }) => metadata.namespace,
  "spec.nodeName": ({ spec }) => spec.nodeName,
  "spec.hostNetwork": ({ spec }) => String(spec.hostNetwork ?? false),
  "status.phase": ({ status }) => status.phase,
  "status.podIP": ({ status }) => status.podIP,
};

/** Which pods a LIST is about by what stands in them: `field=value` or `field!=value`, several with commas. */
export function parseFieldSelector(selector: string): (pod: PodObject) => boolean {
  const demands = selector
    .split(",")
    .filter((demand) => demand !== "")
    .map((demand) => {
      const [, field = "", operator, value] = /^([A-Za-z.]+)(==|!=|=)(.*)$/u.exec(demand) ?? [];
      if (operator === undefined) throw new RefusedError(badRequest(`invalid field selector: ${demand}`));
      const read = fields[field];
      if (read === undefined) throw new RefusedError(badRequest(`field label not supported: ${field}`));
      return (pod: PodObject) => ((read(pod) ?? "") === value) === (operator !== "!=");
    });
  return (pod) => demands.every((demand) => demand(pod));
}
