import type { AdamWTensor } from "../model/backend.ts";
import type { TrainingModel } from "../model/llama.ts";
import { listParameterTensors, listTensors } from "../model/parameters.ts";

/** AdamW as the published model was trained with it. */
export interface AdamWSettings {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Applied to matrices, embeddings included; norm gains do not decay. */
  readonly weightDecay: number;
  /** Limit of the global gradient norm. */
  readonly clipNorm: number;
}

/**
 * Enqueues the update of all weights from the gradients of the micro-batches since the last one; the gradients are
 * cleared. `state.squaredNorm` then holds the squared global norm before clipping; if it is not finite, no weight was
 * changed.
 *
 * @param update 1 for the first update of the run
 */
export function applyAdamW(
  model: TrainingModel,
  settings: AdamWSettings,
  learningRate: number,
  update: number,
): void {
  const { backend, state } = model;
  const tensors = adamWTensors(model, settings.weightDecay);
  backend.squaredNorm({ buffers: tensors.map(({ gradient }) => gradient), out: state.squaredNorm });
  backend.adamw({
    tensors,
    learningRate,
    beta1: settings.betas[0],
    beta2: settings.betas[1],
    epsilon: settings.epsilon,
    update,
    squaredNorm: state.squaredNorm,
    maxNorm: settings.clipNorm,
  });
}

/** Enqueues what leaves a step out: `state.squaredNorm` is set as by `applyAdamW`, the gradients are cleared. */
export function dropGradients({ backend, state }: TrainingModel): void {
  const buffers = listTensors(state.gradients);
  backend.squaredNorm({ buffers, out: state.squaredNorm });
  for (const gradient of buffers) backend.zero(gradient);
}

function adamWTensors({ shape, state }: TrainingModel, weightDecay: number): AdamWTensor[] {
  const weights = listTensors(state.weights);
  const masters = state.master === undefined ? [] : listTensors(state.master);
  const gradients = listTensors(state.gradients);
  const firstMoments = listTensors(state.firstMoments);
  const secondMoments = listTensors(state.secondMoments);
  return listParameterTensors(shape.config).map(({ decay }, index) => {
    const weight = weights[index]!;
    const master = masters[index];
    return {
      weight,
      ...(master === undefined || master === weight ? {} : { master }),
      gradient: gradients[index]!,
      firstMoment: firstMoments[index]!,
      secondMoment: secondMoments[index]!,
      weightDecay: decay ? weightDecay : 0,
    };
  });
}
