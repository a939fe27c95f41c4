import { type Backend, type ComputeType, type DeviceBuffer, IGNORED_TARGET } from "../../model/backend.ts";
import { fromBfloat16, toBfloat16 } from "../../model/bfloat16.ts";
import { createRandom } from "../../model/random.ts";

/** Makes the buffers of one case, with the same values on every backend. */
export interface Inputs {
  readonly compute: ComputeType;
  /** Weights and activations, in the type under test. */
  values(rows: number, columns: number): DeviceBuffer;
  /** What is float32 on every backend: gradients of weights, norms, moments. */
  floats(rows: number, columns: number): DeviceBuffer;
  zeros(rows: number, columns: number, dtype?: ComputeType): DeviceBuffer;
  integers(values: readonly number[]): DeviceBuffer;
}

export interface OperationCase {
  readonly name: string;
  /** Enqueues the operation and returns the buffers it wrote. */
  run(backend: Backend, inputs: Inputs): DeviceBuffer[];
}

/**
 * Inputs for one case: normal values, drawn in the order in which they are asked for.
 *
 * @param rounded weights and activations are rounded to bf16 whatever the compute type is: what the reference gets when
 *   another backend computes in bf16
 */
export function createInputs(
  backend: Backend,
  name: string,
  compute: ComputeType,
  rounded = compute === "bf16",
): Inputs {
  const random = createRandom(1, name);
  const make = (dtype: ComputeType, rows: number, columns: number, round = false) => {
    const buffer = backend.create({ name, dtype, rows, columns });
    const values = new Float32Array(rows * columns);
    for (let i = 0; i < values.length; i++) values[i] = random.normal();
    backend.write(buffer, round ? fromBfloat16(toBfloat16(values)) : values);
    return buffer;
  };
  return {
    compute,
    values: (rows, columns) => make(compute, rows, columns, rounded),
    floats: (rows, columns) => make("f32", rows, columns),
    zeros(rows, columns, dtype = compute) {
      const buffer = backend.create({ name, dtype, rows, columns });
      backend.write(buffer, new Float32Array(rows * columns));
      return buffer;
    },
    integers(values) {
      const buffer = backend.create({ name, dtype: "i32", rows: values.length, columns: 1 });
      backend.write(buffer, Int32Array.from(values));
      return buffer;
    },
  };
}

const attentionShapes = [
  { sequences: 1, sequenceLength: 1, heads: 1, kvHeads: 1, headSize: 2 },
  { sequences: 2, sequenceLength: 7, heads: 4, kvHeads: 2, headSize: 6 },
  { sequences: 1, sequenceLength: 67, heads: 3, kvHeads: 1, headSize: 16 },
  { sequences: 1, sequenceLength: 130, heads: 2, kvHeads: 2, headSize: 64 },
  { sequences: 2, sequenceLength: 301, heads: 2, kvHeads: 1, headSize: 12 },
];

/** Sides of matrices: one, odd, just under and over the tiles and then the blocks that backends use. */
const productShapes = [
  [1, 1, 1],
  [1, 37, 19],
  [3, 5, 130],
  [7, 2, 3],
  [33, 65, 17],
  [64, 64, 64],
  [130, 31, 129],
  [9, 40, 1601],
  [11, 1100, 33],
  [2050, 5, 20],
] as const;

function productCases(): OperationCase[] {
  return productShapes.flatMap(([m, n, k]) =>
    (["nt", "nn", "tn"] as const).flatMap((transposition) =>
      [false, true].map((accumulate) => ({
        name: `matmul ${transposition} ${m}×${n}×${k}${accumulate ? " plus" : ""}`,
        run(backend: Backend, inputs: Inputs) {
          const a = transposition === "tn" ? inputs.values(k, m) : inputs.values(m, k);
          const b = transposition === "nt" ? inputs.values(n, k) : inputs.values(k, n);
          // Gradients of weights are float32 whatever the operands are.
          const out = transposition === "tn" ? inputs.floats(m, n) : inputs.values(m, n);
          backend.matmul({ a, b, out, transposition, ...(accumulate ? { plus: out } : {}) });
          return [out];
        },
      })),
    ),
  );
}

/** A product added to the residual stream, which is float32 whatever the operands are, and goes on in another buffer. */
function residualCases(): OperationCase[] {
  return productShapes.map(([m, n, k]) => ({
    name: `matmul nt ${m}×${n}×${k} plus a residual stream`,
    run(backend: Backend, inputs: Inputs) {
      const [a, b, out] = [inputs.values(m, k), inputs.values(n, k), inputs.zeros(m, n, "f32")];
      backend.matmul({ a, b, out, transposition: "nt", plus: inputs.floats(m, n) });
      return [out];
    },
  }));
}

function attentionCases(): OperationCase[] {
  return attentionShapes.flatMap((shape) =>
    [false, true].map((documents) => ({
      name: `attention ${shape.sequences}×${shape.sequenceLength} ${shape.heads}/${shape.kvHeads} heads of ${shape.headSize}${documents ? ", documents" : ""}`,
      run(backend: Backend, inputs: Inputs) {
        const tokens = shape.sequences * shape.sequenceLength;
        const width = shape.heads * shape.headSize;
        const qkvWidth = width + 2 * shape.kvHeads * shape.headSize;
        const starts = Array.from({ length: tokens }, (_, token) => {
          const position = token % shape.sequenceLength;
          return position - (position % Math.max(5, Math.floor(shape.sequenceLength / 4)));
        });
        const args = {
          shape,
          qkv: inputs.values(tokens, qkvWidth),
          out: inputs.zeros(tokens, width),
          logSumExp: inputs.zeros(tokens, shape.heads, "f32"),
          ...(documents ? { documentStarts: inputs.integers(starts) } : {}),
        };
        backend.attention(args);
        const dOut = inputs.values(tokens, width);
        const dQkv = inputs.zeros(tokens, qkvWidth);
        backend.attentionBackward({ ...args, dOut, dQkv, rowSums: inputs.zeros(tokens, shape.heads, "f32") });
        return [args.out, args.logSumExp, dQkv];
      },
    })),
  );
}

/** Every operation of the contract at odd shapes. */
export const operationCases: readonly OperationCase[] = [
  ...productCases(),
  ...residualCases(),
  ...attentionCases(),
  {
    name: "cachedAttention, two sequences at different positions",
    run(backend, inputs) {
      const shape = { sequences: 2, sequenceLength: 3, heads: 4, kvHeads: 2, headSize: 8 };
      const cache = inputs.values(2 * 9, 2 * 2 * 8);
      const out = inputs.zeros(6, 32);
      const positions = inputs.integers([0, 1, 2, 5, 6, 7]);
      backend.cachedAttention({ shape, capacity: 9, positions, qkv: inputs.values(6, 64), cache, out });
      return [out, cache];
    },
  },
  {
    name: "embedding",
    run(backend, inputs) {
      const ids = inputs.integers([3, 0, 3, 10, 3]);
      const out = inputs.zeros(5, 7, "f32");
      backend.embedding({ ids, weight: inputs.values(11, 7), out });
      const dWeight = inputs.floats(11, 7);
      backend.embeddingBackward({ ids, dOut: inputs.floats(5, 7), dWeight });
      return [out, dWeight];
    },
  },
  ...[1, 37, 300].map((features) => ({
    name: `rmsNorm of ${features}`,
    run(backend: Backend, inputs: Inputs) {
      const x = inputs.floats(5, features);
      const gain = inputs.floats(1, features);
      const [out, scale] = [inputs.zeros(5, features), inputs.zeros(5, 1, "f32")];
      backend.rmsNorm({ x, gain, epsilon: 1e-6, out, scale });
      const [dX, dGain] = [inputs.floats(5, features), inputs.floats(1, features)];
      backend.rmsNormBackward({ x, gain, scale, dOut: inputs.values(5, features), dX, dGain });
      return [out, scale, dX, dGain];
    },
  })),
  ...(["rope", "ropeBackward"] as const).map((operation) => ({
    name: operation,
    run(backend: Backend, inputs: Inputs) {
      const x = inputs.values(4, 5 * 6);
      const positions = inputs.integers([2, 0, 1, 2]);
      backend[operation]({ x, heads: 3, headSize: 6, positions, table: inputs.floats(3, 6) });
      return [x];
    },
  })),
  {
    name: "swiglu",
    run(backend, inputs) {
      const gateUp = inputs.values(5, 2 * 13);
      const [out, dGateUp] = [inputs.zeros(5, 13), inputs.zeros(5, 2 * 13)];
      backend.swiglu({ gateUp, out });
      backend.swigluBackward({ gateUp, dOut: inputs.values(5, 13), dGateUp });
      return [out, dGateUp];
    },
  },
  ...[
    [5, 13, 7],
    [130, 70, 40],
    // Features that fill vectors, in more than one block.
    [131, 1040, 24],
  ].map(([rows = 0, features = 0, width = 0]) => ({
    name: `matmulSwiglu ${rows}×${features}×${width}`,
    run(backend: Backend, inputs: Inputs) {
      const [gateUp, out] = [inputs.zeros(rows, 2 * features), inputs.zeros(rows, features)];
      backend.matmulSwiglu({
        x: inputs.values(rows, width),
        weight: inputs.values(2 * features, width),
        gateUp,
        out,
      });
      const [dHidden, dGateUp] = [inputs.zeros(rows, features), inputs.zeros(rows, 2 * features)];
      const [dOut, weight] = [inputs.values(rows, width), inputs.values(width, features)];
      backend.matmulSwigluBackward({ dOut, weight, gateUp, dHidden, dGateUp });
      return [gateUp, out, dGateUp];
    },
  })),
  ...[
    { columns: 31, gradientScale: undefined },
    { columns: 31, gradientScale: 0.25 },
    { columns: 1103, gradientScale: 0.25 },
  ].map(({ columns, gradientScale }) => ({
    name: `crossEntropy over ${columns} ${gradientScale === undefined ? "without" : "with"} gradient`,
    run(backend: Backend, inputs: Inputs) {
      const logits = inputs.values(6, columns);
      const targets = inputs.integers([3, IGNORED_TARGET, 30, 0, 7, 7]);
      const sums = inputs.floats(1, 3);
      backend.crossEntropy({
        logits,
        targets,
        sums,
        ...(gradientScale === undefined ? {} : { gradientScale }),
      });
      return [logits, sums];
    },
  })),
  {
    name: "copy of rows, zero",
    run(backend, inputs) {
      const [from, to, cleared] = [inputs.values(5, 3), inputs.values(4, 3), inputs.values(2, 3)];
      backend.copy({ from, fromRow: 1, to, toRow: 2, rows: 2 });
      backend.zero(cleared);
      return [to, cleared];
    },
  },
  {
    name: "copy between element types",
    run(backend, inputs) {
      const from = inputs.floats(3, 5);
      const [narrow, wide] = [inputs.zeros(3, 5), inputs.zeros(3, 5, "f32")];
      backend.copy({ from, fromRow: 0, to: narrow, toRow: 0, rows: 3 });
      backend.copy({ from: narrow, fromRow: 0, to: wide, toRow: 0, rows: 3 });
      return [narrow, wide];
    },
  },
  ...[0.5, 1e6].map((maxNorm) => ({
    name: `squaredNorm and adamw, gradients clipped at ${maxNorm}`,
    run: (backend: Backend, inputs: Inputs) => updateTwice(backend, inputs, maxNorm),
  })),
  {
    name: "adamw with moments in bf16",
    run(backend, inputs) {
      const tensor = adamWTensor(backend, inputs, 0.1, "bf16");
      const squaredNorm = inputs.zeros(1, 1, "f32");
      backend.squaredNorm({ buffers: [tensor.gradient], out: squaredNorm });
      backend.adamw({ tensors: [tensor], ...hyperparameters, update: 1, squaredNorm, maxNorm: 1 });
      return [tensor.weight, tensor.gradient, tensor.firstMoment, tensor.secondMoment];
    },
  },
  {
    name: "adamw without a finite gradient",
    run(backend, inputs) {
      const tensor = adamWTensor(backend, inputs, 0.1);
      const squaredNorm = inputs.zeros(1, 1, "f32");
      backend.write(squaredNorm, Float32Array.of(Number.POSITIVE_INFINITY));
      backend.adamw({ tensors: [tensor], ...hyperparameters, update: 1, squaredNorm, maxNorm: 1 });
      return [tensor.weight, tensor.gradient, tensor.firstMoment, tensor.secondMoment];
    },
  },
];

const hyperparameters = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 };

function adamWTensor(
  backend: Backend,
  { compute, floats, zeros }: Inputs,
  weightDecay: number,
  moments: ComputeType = "f32",
) {
  const master = floats(5, 7);
  const rounded = zeros(5, 7);
  backend.copy({ from: master, fromRow: 0, to: rounded, toRow: 0, rows: 5 });
  return {
    ...(compute === "bf16" ? { weight: rounded, master } : { weight: master }),
    gradient: floats(5, 7),
    firstMoment: zeros(5, 7, moments),
    secondMoment: zeros(5, 7, moments),
    weightDecay,
  };
}

/** Two updates of two tensors: the second one uses moments, and gradients that the first one cleared. */
function updateTwice(backend: Backend, inputs: Inputs, maxNorm: number): DeviceBuffer[] {
  const tensors = [adamWTensor(backend, inputs, 0.1), adamWTensor(backend, inputs, 0)];
  const squaredNorm = inputs.zeros(1, 1, "f32");
  const more = inputs.floats(5, 7);
  for (const update of [1, 2]) {
    backend.squaredNorm({ buffers: tensors.map(({ gradient }) => gradient), out: squaredNorm });
    backend.adamw({ tensors, ...hyperparameters, update, squaredNorm, maxNorm });
    if (update === 1) backend.copy({ from: more, fromRow: 0, to: tensors[0]!.gradient, toRow: 0, rows: 5 });
  }
  return [
    squaredNorm,
    ...tensors.flatMap(({ weight, firstMoment, secondMoment }) => [weight, firstMoment, secondMoment]),
  ];
}
