import { costOf, type HistoryAnswer, type Lightpeer } from "../../lib/peers/lightpeer.ts";

/** A history with its entries as text, newest first, read until it costs more than `limitBytes`. */
export async function historyAt(
  lightpeer: Lightpeer,
  address: string,
  { limitBytes = Infinity, timeoutMs = 10_000 } = {},
): Promise<{
  readonly end: HistoryAnswer;
  readonly tag: HistoryAnswer["tag"];
  readonly entries: readonly string[];
}> {
  const entries: string[] = [];
  let bytes = 0;
  const end = await lightpeer.history(address, timeoutMs, (payload) => {
    entries.push(Buffer.from(payload).toString());
    bytes += costOf(payload);
    return bytes > limitBytes ? "enough" : "more";
  });
  return { end, tag: end.tag, entries };
}
