import { CheckpointPublisher as Publisher } from "../../../../src/tlog/checkpoint-publisher.ts";
import { crashAt } from "../crash-point.ts";

export * from "../../../../src/tlog/checkpoint-publisher.ts";

/** Ends the process when a checkpoint was published, before those who wait for it are released. */
export class CheckpointPublisher extends Publisher {
  override async publish(...given: Parameters<Publisher["publish"]>): Promise<void> {
    await super.publish(...given);
    crashAt("before-release");
  }
}
