import { UserError } from "../pipeline/runtime/errors.ts";
import { formatBytes, formatDuration } from "../pipeline/runtime/sizes.ts";
import { formatTable } from "../pipeline/runtime/table.ts";
import { type Card, cards, findCard } from "./cards.ts";
import type { TrainingConfig } from "./config.ts";
import { formatPlan, type PlannedDevice, plannedTokens, planTraining, type TrainingPlan } from "./plan.ts";

/**
 * Memory of a card that no buffer gets: the driver's context with its loaded kernels, and the workspace of matrix
 * products. About what a context of current drivers and a cuBLASLt workspace take together.
 */
const reservedBytes = 1e9;

/** What is calculated for one card. */
export interface CardPlan {
  readonly card: Card;
  readonly plan: TrainingPlan;
  /** The config with the least recomputation that fits; undefined when nothing does. */
  readonly config: TrainingConfig | undefined;
}

/** @throws UserError naming the cards there are figures for */
export function cardNamed(name: string): Card {
  const card = findCard(name);
  if (card !== undefined) return card;
  throw new UserError(
    `--gpu ${name}: no figures for this card; one of ${cards.map((known) => known.name).join(", ")}, or give --tokens-per-second`,
  );
}

function cardDevice({ name, memoryGiB, teraflops }: Card): PlannedDevice {
  return {
    name,
    device: `${memoryGiB} GiB, ${teraflops} TFLOP/s dense bf16 by data sheet`,
    computeTypes: ["f32", "bf16"],
    memoryBytes: memoryGiB * 2 ** 30 - reservedBytes,
    workspaceBytes: () => 0, // Part of what is reserved.
  };
}

/** Finds the least recomputation with which a config fits a card. */
export function planForCard(card: Card, config: TrainingConfig): CardPlan {
  const device = cardDevice(card);
  const { steps } = config.schedule;
  for (const recompute of ["none", "selective", "full"] as const) {
    const tried = { ...config, recompute };
    const plan = planTraining(tried, device, steps);
    if (plan.memory.totalBytes <= device.memoryBytes) return { card, plan, config: tried };
  }
  return { card, plan: planTraining({ ...config, recompute: "full" }, device, steps), config: undefined };
}

/** Tokens a second at a share of a card's peak, by the FLOP count of the plan. */
export const tokensPerSecond = ({ card, plan }: CardPlan, efficiency: number): number =>
  (card.teraflops * 1e12 * efficiency) / plan.flopsPerToken;

const disclaimer =
  "Calculated from data sheets, not measured: memory is the plan of every buffer, speed is the stated share of the dense bf16 peak.";

/** One row a card. */
export function formatCards(config: TrainingConfig, efficiency: number): string {
  const rows = cards.map((card) => {
    const planned = planForCard(card, config);
    const speed = tokensPerSecond(planned, efficiency);
    const fits = planned.config !== undefined;
    return [
      card.name,
      `${card.memoryGiB} GiB`,
      formatBytes(planned.plan.memory.totalBytes),
      fits ? planned.config.recompute : "does not fit",
      fits ? Math.round(speed).toLocaleString("en") : "–",
      fits ? formatDuration(plannedTokens(planned.plan) / speed) : "–",
    ];
  });
  const head = ["card", "memory", "needed", "recompute", `tokens/s at ${percent(efficiency)}`, "time"];
  return `${formatTable([head, ...rows])}\n${disclaimer}`;
}

/** Shares of the peak that one card's table shows. */
const efficiencies = [0.4, 0.5, 0.6, 0.7, 0.8];

/** Memory by kind on one card, and its time at several shares of its peak. */
export function formatCard(card: Card, config: TrainingConfig, efficiency: number): string {
  const planned = planForCard(card, config);
  const fitting = planned.config ?? { ...config, recompute: "full" as const };
  const table = formatPlan(planned.plan, fitting, cardDevice(card));
  if (planned.config === undefined) {
    return `${table}\nIt does not fit, not even with full recomputation: lower batch.microBatch or choose a smaller model.\n${disclaimer}`;
  }
  const shares = [...new Set([...efficiencies, efficiency])].sort((a, b) => a - b);
  const rows = shares.map((share) => {
    const speed = tokensPerSecond(planned, share);
    return [
      `${percent(share)}${share === efficiency ? " ←" : ""}`,
      Math.round(speed).toLocaleString("en"),
      formatDuration(plannedTokens(planned.plan) / speed),
    ];
  });
  return `${table}\n\n${formatTable([["share of peak", "tokens/s", "time"], ...rows])}\n${disclaimer}`;
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
