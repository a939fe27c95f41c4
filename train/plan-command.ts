import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { decimal, integer } from "../pipeline/runtime/options.ts";
import { readTrainingConfig } from "./config.ts";
import { plannedTokens } from "./plan/plan.ts";
import { cardNamed, formatCard, formatCards, planForCard, tokensPerSecond } from "./plan/plan-card.ts";

interface PlanOptions {
  readonly config: string;
  readonly gpu?: string | undefined;
  readonly efficiency: number;
  readonly steps?: number | undefined;
}

/**
 * Half the peak is what a decent trainer reaches without tuning; the published run of APT3-1B reached 69 % of an
 * RTX 4090 by the same count.
 */
const defaultEfficiency = "0.5";

export const command: Command<PlanOptions> = {
  name: "plan",
  summary: "Calculate memory, speed and days of a training on graphics cards that need not be at hand.",
  examples: [
    "apt3 plan",
    'apt3 plan --gpu "RTX 4090"',
    'apt3 plan --config apt3-275m --gpu "RTX 3090" --efficiency 0.6 --json',
  ],
  configure: (program) =>
    program
      .option("--config <file>", "training config, or the name of a shipped one", "apt3-1b")
      .option("--gpu <name>", "one card in detail, such as “RTX 4090” (default: all known cards)")
      .option(
        "--efficiency <share>",
        "share of the card's dense bf16 peak that is reached",
        defaultEfficiency,
      )
      .option("--steps <n>", "steps to plan for (default: the config's)"),
  options: z.looseObject({
    config: z.string(),
    gpu: z.string().optional(),
    efficiency: decimal(0.01, 1),
    steps: integer(1, 1e9).optional(),
  }),
  async run({ config: path, gpu, efficiency, steps }, context) {
    const read = await readTrainingConfig(path, undefined);
    const config = { ...read, schedule: { ...read.schedule, steps: steps ?? read.schedule.steps } };
    if (gpu === undefined) {
      context.print(formatCards(config, efficiency));
      return { config: path, calculated: true };
    }
    const card = cardNamed(gpu);
    const planned = planForCard(card, config);
    context.print(formatCard(card, config, efficiency));
    const { plan } = planned;
    const speed = tokensPerSecond(planned, efficiency);
    return {
      card: card.name,
      calculated: true,
      parameters: plan.parameters,
      tokens: plannedTokens(plan),
      flopsPerToken: plan.flopsPerToken,
      memory: { ...Object.fromEntries(plan.memory.byKind), total: plan.memory.totalBytes },
      fits: planned.fits,
      recompute: planned.config.recompute,
      moments: planned.config.optimizer.moments,
      efficiency,
      tokensPerSecond: speed,
      days: plannedTokens(plan) / speed / 86_400,
    };
  },
};
