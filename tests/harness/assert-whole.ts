import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stage, StagePod } from "./stage.ts";

/** These pods' peers are one network. As an application does, it tries again where klight asks for that. */
export async function assertWhole(
  stage: Pick<Stage, "whole">,
  pods: readonly StagePod[],
  tries = 5,
): Promise<void> {
  const found = await stage.whole(pods);
  const reason = found.tag === "broken" ? found.reason : "";
  if (tries > 1 && reason.includes("klight is re-forming the network: try again")) {
    await sleep(500);
    await assertWhole(stage, pods, tries - 1);
    return;
  }
  assert.equal(found.tag, "whole", reason);
}
