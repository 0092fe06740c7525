import { randomUUID } from "node:crypto";
import { badRequest, ELSEWHERE, invalid, RefusedError } from "./status.ts";
import {
  type EventObject,
  eventObject,
  type FieldValidation,
  readObject,
  strictProblems,
} from "./validation.ts";

/** An Event as it is stored: its name made. */
export type StoredEvent = EventObject & {
  readonly eventTime: null;
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
};

/** What the API server makes of an Event posted to this namespace. */
export function newEvent(body: unknown, namespace: string, fields: FieldValidation): StoredEvent {
  const read = readObject(eventObject, body, fields);
  if (!read.success) {
    const problems = strictProblems(read.error).map(({ field, message }) => `${message} "${field}"`);
    throw new RefusedError(badRequest(`strict decoding error: ${problems.join(", ")}`));
  }
  const event = read.data;
  const { name, generateName } = event.metadata;
  if ((event.metadata.namespace ?? namespace) !== namespace) {
    throw new RefusedError(badRequest(ELSEWHERE));
  }
  if (event.involvedObject.namespace !== namespace) {
    const cause = { field: "involvedObject.namespace", message: "does not match event.namespace" };
    throw new RefusedError(invalid("Event", name ?? "", [cause]));
  }
  if (name === undefined && generateName === undefined) {
    const cause = { field: "metadata.name", message: "name or generateName is required" };
    throw new RefusedError(invalid("Event", "", [cause]));
  }
  const uid = randomUUID();
  // The server cuts a long prefix, so that the whole is a name of 63 characters.
  const given = name ?? `${generateName?.slice(0, 58)}${uid.slice(0, 5)}`;
  return { ...event, eventTime: null, metadata: { ...event.metadata, name: given, namespace, uid } };
}
