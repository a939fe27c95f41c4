import type { Backend, DeviceBuffer } from "./backend.ts";
import { IGNORED_TARGET } from "./backend.ts";
import type { ForwardModel, TrainingModel } from "./llama.ts";
import { listParameterTensors, listTensors, type ModelTensors, type ParameterTensor } from "./parameters.ts";
import { rotaryTable } from "./rotary.ts";
import { buildForwardState, buildTrainingState } from "./training-layout.ts";
import type { TrainingShape } from "./training-state.ts";

/** Allocates everything training needs, all zero but for positions and the rotary table. */
export function createTrainingModel(backend: Backend, shape: TrainingShape): TrainingModel {
  const state = buildTrainingState(shape, (_kind, spec) => backend.create(spec));
  writePositions(backend, shape, state);
  return { backend, shape, state };
}

/** Allocates what scoring texts needs, all zero but for positions and the rotary table. */
export function createForwardModel(backend: Backend, shape: TrainingShape): ForwardModel {
  const state = buildForwardState(shape, (_kind, spec) => backend.create(spec));
  writePositions(backend, shape, state);
  return { backend, shape, state };
}

function writePositions(
  backend: Backend,
  { config, sequences, sequenceLength }: TrainingShape,
  { inputs }: ForwardModel["state"],
): void {
  const positions = Int32Array.from(
    { length: sequences * sequenceLength },
    (_, token) => token % sequenceLength,
  );
  backend.write(inputs.positions, positions);
  backend.write(inputs.ropeTable, rotaryTable(config));
}

/** The float32 weights: the master copy where the forward pass reads bf16. */
export function exactWeights({ state }: TrainingModel): ModelTensors<DeviceBuffer> {
  return state.master ?? state.weights;
}

/** Sets all weights, master copies included, one buffer at a time. */
export async function setWeights(
  { backend, shape, state }: ForwardModel | TrainingModel,
  valuesOf: (tensor: ParameterTensor) => Float32Array | Promise<Float32Array>,
): Promise<void> {
  const weights = listTensors(state.weights);
  const master = "master" in state && state.master !== undefined ? listTensors(state.master) : [];
  for (const [index, tensor] of listParameterTensors(shape.config).entries()) {
    const values = await valuesOf(tensor);
    backend.write(weights[index]!, values);
    const exact = master[index];
    if (exact !== undefined && exact !== weights[index]) backend.write(exact, values);
  }
}

/** Token ids with a meaning for training; absent where the data has no such token. */
export interface TokenMarks {
  /** Starts a document. Attention that stays inside documents needs this, or the next, or both. */
  readonly beginOfText?: number | undefined;
  /** Ends a document. */
  readonly endOfText?: number | undefined;
  /** Fills up a row: never a target. */
  readonly padding?: number | undefined;
}

/**
 * Enqueues the upload of a micro-batch: `sequences` rows of `sequenceLength` token ids. Each token's target is the next
 * one of its row; the last has none.
 *
 * @returns the number of targets
 */
export function setMicroBatch(model: ForwardModel, rows: ArrayLike<number>, marks: TokenMarks = {}): number {
  const ids = Int32Array.from(rows);
  const targets = nextTokens(ids, model.shape.sequenceLength, marks.padding);
  setTokens(model, ids, targets, marks);
  return countTargets(rows, model.shape.sequenceLength, marks.padding);
}

/** The targets that `setMicroBatch` finds in whole rows. */
export function countTargets(
  rows: ArrayLike<number>,
  sequenceLength: number,
  padding: number | undefined,
): number {
  let count = 0;
  for (let token = 0; token < rows.length; token++) {
    if (token % sequenceLength !== 0 && rows[token] !== padding) count += 1;
  }
  return count;
}

function nextTokens(ids: Int32Array, sequenceLength: number, padding: number | undefined): Int32Array {
  const targets = new Int32Array(ids.length);
  for (let token = 0; token < ids.length; token++) {
    const next = token % sequenceLength === sequenceLength - 1 ? undefined : ids[token + 1];
    targets[token] = next === undefined || next === padding ? IGNORED_TARGET : next;
  }
  return targets;
}

/** Enqueues the upload of a micro-batch with targets of its own; see `setMicroBatch`. */
export function setTokens(
  { backend, shape, state }: ForwardModel,
  ids: Int32Array,
  targets: Int32Array,
  marks: TokenMarks = {},
): void {
  const { sequences, sequenceLength } = shape;
  if (ids.length !== sequences * sequenceLength || targets.length !== ids.length) {
    throw new Error(`a micro-batch has ${sequences} × ${sequenceLength} tokens, found ${ids.length}`);
  }
  backend.write(state.inputs.ids, ids);
  backend.write(state.inputs.targets, targets);
  if (state.inputs.documentStarts !== undefined) {
    if (marks.beginOfText === undefined && marks.endOfText === undefined) {
      throw new Error("attention inside documents needs the id that starts or ends one");
    }
    backend.write(state.inputs.documentStarts, documentStarts(ids, sequenceLength, marks));
  }
}

/** For each token the position in its row where its document starts; 0 where that was in an earlier row. */
function documentStarts(
  ids: Int32Array,
  sequenceLength: number,
  { beginOfText, endOfText }: TokenMarks,
): Int32Array {
  const starts = new Int32Array(ids.length);
  for (let token = 0; token < ids.length; token++) {
    const position = token % sequenceLength;
    if (position === 0) continue;
    const isStart = ids[token] === beginOfText || ids[token - 1] === endOfText;
    starts[token] = isStart ? position : starts[token - 1]!;
  }
  return starts;
}
