import { setTimeout as sleep } from "node:timers/promises";

/** One way to a Redis: a command out, its reply back. */
export interface RedisCommands {
  /**
   * Sends one command once. Rejects within the time of one attempt: with a {@link RedisRefusal} where Redis itself has
   * answered with an error, with anything else where nobody knows whether it was executed.
   */
  send(words: readonly string[]): Promise<unknown>;
  /** Words for what `send` has rejected with; never a secret, never the command with its values. */
  explain(error: unknown): string;
}

/** Redis' own error reply: it would be the same again. */
export class RedisRefusal extends Error {
  override readonly name = "RedisRefusal";
}

/** There are up to three attempts, with these pauses between them. */
const pausesMs = [20, 200];

/** Every command may be executed twice, so what Redis did not answer is simply sent again. */
export const persevere = async (commands: RedisCommands, words: readonly string[]): Promise<unknown> => {
  for (const pauseMs of pausesMs) {
    try {
      return await commands.send(words);
    } catch (error) {
      if (error instanceof RedisRefusal) throw error;
      await sleep(pauseMs);
    }
  }
  return commands.send(words);
};

/** What every message about Redis begins with and looks like. */
export const withoutSecrets = (said: string, secrets: readonly string[]): string => {
  const hidden = secrets
    .filter((secret) => secret !== "")
    .reduce((text, secret) => text.replaceAll(secret, "***"), said);
  return `Redis: ${hidden}`.slice(0, 300);
};
