import { cudaBufferBytes, cudaWorkspaceBytes } from "../../model/backends/cuda/layout.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { formatBytes, formatDuration } from "../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import type { TrainingConfig } from "../config.ts";
import { type Card, cards, findCard } from "./cards.ts";
import { type PlannedDevice, settleConfig } from "./fit-memory.ts";
import { formatPlan, plannedTokens, planTraining, type TrainingPlan } from "./plan.ts";

/**
 * Memory of a card that no buffer gets: the driver's context with its loaded kernels, and what a desktop shows. Contexts
 * of current drivers take 0.3 to 0.6 GB.
 */
const reservedBytes = 1e9;

/** What is calculated for one card. */
export interface CardPlan {
  readonly card: Card;
  readonly plan: TrainingPlan;
  /** The config with recompute and moments decided for the card's memory. */
  readonly config: TrainingConfig;
  readonly fits: boolean;
}

/** @throws UserError naming the cards there are figures for */
export function cardNamed(name: string): Card {
  const card = findCard(name);
  if (card !== undefined) return card;
  throw new UserError(
    `--gpu ${name}: no figures for this card; one of ${cards.map((known) => known.name).join(", ")}`,
  );
}

function cardDevice({ name, memoryGiB, multiprocessors, teraflops }: Card): PlannedDevice {
  return {
    name,
    device: `${memoryGiB} GiB, ${teraflops} TFLOP/s dense bf16 by data sheet`,
    computeTypes: ["f32", "bf16"],
    memoryBytes: memoryGiB * 2 ** 30 - reservedBytes,
    bufferBytes: cudaBufferBytes,
    workspaceBytes: (shape) => cudaWorkspaceBytes({ multiprocessors, cublasLt: true }, shape),
  };
}

/** Plans a config for a card, with the least loss of exactness and the least recomputation that fit. */
export function planForCard(card: Card, asked: TrainingConfig): CardPlan {
  const device = cardDevice(card);
  const config = settleConfig(asked, device);
  const plan = planTraining(config, device, config.schedule.steps);
  return { card, plan, config, fits: plan.memory.totalBytes <= device.memoryBytes };
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
    const { fits } = planned;
    const { recompute, optimizer } = planned.config;
    return [
      card.name,
      `${card.memoryGiB} GiB`,
      formatBytes(planned.plan.memory.totalBytes),
      fits ? recompute : "does not fit",
      fits ? optimizer.moments : "–",
      fits ? Math.round(speed).toLocaleString("en") : "–",
      fits ? formatDuration(plannedTokens(planned.plan) / speed) : "–",
    ];
  });
  const head = [
    "card",
    "memory",
    "needed",
    "recompute",
    "moments",
    `tokens/s at ${percent(efficiency)}`,
    "time",
  ];
  return `${formatTable([head, ...rows])}\n${disclaimer}`;
}

/** Shares of the peak that one card's table shows. */
const efficiencies = [0.4, 0.5, 0.6, 0.7, 0.8];

/** Memory by kind on one card, and its time at several shares of its peak. */
export function formatCard(card: Card, config: TrainingConfig, efficiency: number): string {
  const planned = planForCard(card, config);
  const table = formatPlan(planned.plan, planned.config, cardDevice(card));
  if (!planned.fits) {
    return `${table}\nIt does not fit: set recompute and optimizer.moments to auto, lower batch.microBatch or choose a smaller model.\n${disclaimer}`;
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
