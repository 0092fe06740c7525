import { setTimeout as sleep } from "node:timers/promises";
import { createUpstashContacts } from "../../lib/store/upstash.ts";
import { skipWithoutRedis, startRedis } from "../harness/redis.ts";
import { startLossyRest } from "./contacts-faulty-rest.ts";
import { contactsContract } from "./contacts-port.ts";

contactsContract(
  "contacts in a Redis whose first reply to everything is lost",
  async () => {
    const redis = await startRedis();
    const lossy = await startLossyRest(redis.url);
    const contacts = createUpstashContacts({
      url: lossy.url,
      token: redis.token,
      prefix: "lossy:",
      timeoutMs: 5000,
    });
    const close = async (): Promise<void> => {
      await lossy.close();
      await redis.stop();
    };
    return { contacts, pass: (ms) => sleep(ms), flush: () => redis.flush(), close };
  },
  skipWithoutRedis(),
);
