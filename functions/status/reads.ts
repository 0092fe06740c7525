import { held } from "../../lib/outcome.ts";
import type { Handlers } from "../http/handlers.ts";
import { createPage } from "../page/answer.ts";
import { json, problem, type Reply } from "../http/problem.ts";
import { replyTo } from "../http/reply.ts";
import type { Engine } from "../http/server.ts";

/** What people and their tools read, as replies. Nothing is changed by it. */
export const readsOf = ({
  status,
  why,
}: Pick<Handlers, "status" | "why">): Pick<Engine, "networks" | "why" | "page"> => ({
  networks: async () => {
    const reading = await status();
    return reading.tag === "status" ? json(reading.status) : storeUnreadable(reading.message);
  },
  why: async (pod) => {
    const reading = await why(pod);
    if (reading.tag === "why") return json(reading.why);
    if (reading.tag === "failed") return storeUnreadable(reading.message);
    return problem(404, { title: "No such pod", detail: reading.message });
  },
  page: createPage({ status, why }),
});

const storeUnreadable = (message: string): Reply => replyTo(held("StoreUnavailable", message));
