/**
 * The backend contract: what a device must be able to do so that `llama.ts` can train and generate on it.
 *
 * Rules every backend keeps:
 * - Every operation only *enqueues* work and returns at once. Work runs in the order in which it was enqueued.
 *   `read` alone waits; a failure of earlier work is reported by the next `read` or `close`.
 * - A buffer is a row-major matrix. A backend may pad it on the device (say, a vocabulary of 31,980 to 32,000
 *   columns); shapes, `write` and `read` always speak of the unpadded matrix.
 * - Sums run in float32 or better, whatever the element type: dot products, norms, softmax, losses, gradients.
 * - What many small terms are added to stays float32 whatever the compute type is: the residual stream and its gradient
 *   (`x` and `dX` of `rmsNorm`, `out` of `embedding`, `plus` and `out` of the products that add to it), and norm gains,
 *   whose steps from 1 bf16 would not see. With both in bf16 the relative error of all gradients against float32 was
 *   0.0063 instead of 0.0043; PyTorch's autocast, which keeps both in float32, has 0.0047 (27.7 M parameters after 200
 *   steps, 2026-11).
 * - The same calls on the same device give the same bits.
 * - A backend with the compute type bf16 also keeps AdamW's moments in bf16 if it is given such buffers; every backend
 *   takes such buffers as moments.
 * - Gradients of weights are float32 and always *added to*: one recorded micro-batch serves the whole step, and
 *   `adamw` clears them at its end.
 */

/**
 * Element types. Token ids and positions are i32; matrices of weights, activations off the residual stream and moments
 * f32 or bf16; all else f32.
 */
export type DType = "f32" | "bf16" | "i32";

/** Element types in which a backend can hold weights and activations. */
export type ComputeType = "f32" | "bf16";

export interface BufferSpec {
  /** For messages and the memory plan. */
  readonly name: string;
  readonly dtype: DType;
  readonly rows: number;
  readonly columns: number;
}

/** A handle to memory of one backend; opaque to everyone else. */
export interface DeviceBuffer extends BufferSpec {}

/** Target id of a position that counts neither in the loss nor in the accuracy (PyTorch's `ignore_index`). */
export const IGNORED_TARGET = -100;

/** How the rows of a batch divide into sequences and their columns into heads. */
export interface AttentionShape {
  readonly sequences: number;
  readonly sequenceLength: number;
  readonly heads: number;
  /** Divides `heads`: query head h reads key/value head floor(h · kvHeads / heads). */
  readonly kvHeads: number;
  readonly headSize: number;
}

/**
 * - `nt`: out[m,n] = a[m,k] · b[n,k]ᵀ   (forward: activations times a weight matrix)
 * - `nn`: out[m,n] = a[m,k] · b[k,n]    (gradient of the activations)
 * - `tn`: out[m,n] = a[k,m]ᵀ · b[k,n]   (gradient of a weight matrix)
 */
export type Transposition = "nt" | "nn" | "tn";

export interface MatmulArguments {
  readonly a: DeviceBuffer;
  readonly b: DeviceBuffer;
  readonly out: DeviceBuffer;
  readonly transposition: Transposition;
  /** Added to the product, shaped like `out`: the residual stream, or `out` itself to accumulate. */
  readonly plus?: DeviceBuffer;
}

export interface AttentionArguments {
  readonly shape: AttentionShape;
  /** [tokens, (heads + 2·kvHeads)·headSize]: queries, keys, values side by side, already rotated. */
  readonly qkv: DeviceBuffer;
  /** i32 [tokens, 1]: for each token the position in its sequence where its document starts; earlier keys are hidden. */
  readonly documentStarts?: DeviceBuffer;
  /** [tokens, heads·headSize]. */
  readonly out: DeviceBuffer;
  /** f32 [tokens, heads]: log-sum-exp of each row of scaled scores, kept for the backward pass. */
  readonly logSumExp: DeviceBuffer;
}

/** One weight matrix with everything its update needs; all buffers have the same shape, both moments the same type. */
export interface AdamWTensor {
  /** What the forward pass reads. */
  readonly weight: DeviceBuffer;
  /** The f32 truth behind a bf16 `weight`, which is rounded from it after the update; absent when `weight` is f32. */
  readonly master?: DeviceBuffer;
  readonly gradient: DeviceBuffer;
  /** Running means of the gradient and of its square, f32 or bf16. */
  readonly firstMoment: DeviceBuffer;
  readonly secondMoment: DeviceBuffer;
  readonly weightDecay: number;
}

export interface AdamWArguments {
  readonly tensors: readonly AdamWTensor[];
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** 1 for the first update: the exponent of the bias corrections. */
  readonly update: number;
  /** Gradients are scaled by min(1, maxNorm / (√squaredNorm + 1e-6)), as PyTorch's `clip_grad_norm_` does. */
  readonly squaredNorm: DeviceBuffer;
  readonly maxNorm: number;
}

export interface Backend {
  readonly name: string;
  /** The device in words a person understands. */
  readonly device: string;
  readonly computeTypes: readonly ComputeType[];
  /** Memory that can be allocated now. */
  readonly memoryBytes: number;

  /** Allocates a buffer filled with zeros. */
  create(spec: BufferSpec): DeviceBuffer;
  free(buffer: DeviceBuffer): void;
  /** Fills the whole buffer; `values` is copied before the call returns. Floats are rounded to nearest-even for bf16. */
  write(buffer: DeviceBuffer, values: Float32Array | Int32Array): void;
  /** Waits for all earlier work and returns the whole f32 or bf16 buffer as float32. */
  read(buffer: DeviceBuffer): Promise<Float32Array>;
  /** Memory that a buffer takes, padding included; for the memory plan. */
  bufferBytes(spec: BufferSpec): number;
  /**
   * Bytes of the backend's own scratch memory for a micro-batch of this shape, for the memory plan.
   *
   * @param largest the largest buffer of training
   */
  workspaceBytes(shape: AttentionShape, largest: BufferSpec): number;
  /** Waits for all earlier work and frees everything. */
  close(): Promise<void>;
  /**
   * Enqueues what `enqueue` enqueues. A backend that profits from it records the operations the first time and enqueues
   * the recording, without calling `enqueue`, as long as a key of the same parts comes again; a new key takes the place
   * of the one before. So `enqueue` may only call operations, which with an equal key are the same operations on the
   * same buffers with the same numbers; contents of buffers may differ. It must not write or read.
   */
  repeat(key: readonly unknown[], enqueue: () => void): void;

  zero(buffer: DeviceBuffer): void;
  /** Copies `rows` rows, converting between f32 and bf16 where the types differ. */
  copy(args: { from: DeviceBuffer; fromRow: number; to: DeviceBuffer; toRow: number; rows: number }): void;

  /** out[t] = weight[ids[t]], f32. */
  embedding(args: { ids: DeviceBuffer; weight: DeviceBuffer; out: DeviceBuffer }): void;
  /** dWeight[ids[t]] += dOut[t], f32, in the order of t. */
  embeddingBackward(args: { ids: DeviceBuffer; dOut: DeviceBuffer; dWeight: DeviceBuffer }): void;

  /** scale[t] = 1/√(mean(x[t]²) + epsilon); out[t] = x[t] · scale[t] · gain, of the type that `out` has. */
  rmsNorm(args: {
    x: DeviceBuffer;
    gain: DeviceBuffer;
    epsilon: number;
    out: DeviceBuffer;
    scale: DeviceBuffer;
  }): void;
  /** Adds to dX (which already holds the gradient of the residual path) and to dGain; dOut has the type of `out`. */
  rmsNormBackward(args: {
    x: DeviceBuffer;
    gain: DeviceBuffer;
    scale: DeviceBuffer;
    dOut: DeviceBuffer;
    dX: DeviceBuffer;
    dGain: DeviceBuffer;
  }): void;

  matmul(args: MatmulArguments): void;

  /**
   * Rotates the first `heads` heads of every row in place, by the rotate-half convention.
   * `table` is f32 [positions, headSize]: the cosines of a position's headSize/2 angles, then their sines.
   */
  rope(args: RopeArguments): void;
  /** The inverse rotation, which is the backward pass. */
  ropeBackward(args: RopeArguments): void;

  /** Causal attention with scores scaled by 1/√headSize; never stores a matrix of scores. */
  attention(args: AttentionArguments): void;
  /** Overwrites dQkv. `rowSums` (f32 [tokens, heads]) is scratch for the row sums of dOut∘out. */
  attentionBackward(
    args: AttentionArguments & { dOut: DeviceBuffer; dQkv: DeviceBuffer; rowSums: DeviceBuffer },
  ): void;
  /**
   * Attention of new tokens over a key/value cache. `shape.sequenceLength` new tokens a sequence; a token at position
   * p (i32 [tokens, 1]) first stores its key and value in row sequence·capacity + p of `cache`
   * ([sequences·capacity, 2·kvHeads·headSize], keys then values) and then sees the positions 0…p of its sequence.
   */
  cachedAttention(args: {
    shape: AttentionShape;
    capacity: number;
    positions: DeviceBuffer;
    qkv: DeviceBuffer;
    cache: DeviceBuffer;
    out: DeviceBuffer;
  }): void;

  /** gateUp [tokens, 2·f], gates then ups: out = silu(gate) · up. */
  swiglu(args: { gateUp: DeviceBuffer; out: DeviceBuffer }): void;
  swigluBackward(args: { gateUp: DeviceBuffer; dOut: DeviceBuffer; dGateUp: DeviceBuffer }): void;

  /** The MLP's way in: gateUp = x · weightᵀ, weight [2·f, k], and out = its `swiglu`. */
  matmulSwiglu(args: {
    x: DeviceBuffer;
    weight: DeviceBuffer;
    gateUp: DeviceBuffer;
    out: DeviceBuffer;
  }): void;
  /**
   * The MLP's way back: dHidden = dOut · weight, weight [k, f], and dGateUp = its `swigluBackward`. `dHidden` is scratch:
   * a backend that does both at once leaves it alone.
   */
  matmulSwigluBackward(args: {
    dOut: DeviceBuffer;
    weight: DeviceBuffer;
    gateUp: DeviceBuffer;
    dHidden: DeviceBuffer;
    dGateUp: DeviceBuffer;
  }): void;

  /**
   * Adds to `sums` (f32 [1, 3]) the summed loss in nats, the number of targets ranked first, and the number of targets.
   * With `gradientScale`, replaces each row of logits by its gradient, (softmax − one-hot) · gradientScale, zero where
   * the target is IGNORED_TARGET; without, leaves the logits alone.
   */
  crossEntropy(args: {
    logits: DeviceBuffer;
    targets: DeviceBuffer;
    sums: DeviceBuffer;
    gradientScale?: number;
  }): void;

  /** out[0] = Σ over all buffers of the sum of squares. */
  squaredNorm(args: { buffers: readonly DeviceBuffer[]; out: DeviceBuffer }): void;
  /**
   * Decoupled weight decay, then Adam's update (Loshchilov and Hutter 2019, in PyTorch's order of operations), then
   * clears the gradients. If the squared norm is not finite, only clears the gradients: no step is taken.
   * Moments in bf16 are computed in float32 and rounded up or down at random, right on average, by a hash of `update`,
   * the tensor's place and the element.
   */
  adamw(args: AdamWArguments): void;
}

export interface RopeArguments {
  readonly x: DeviceBuffer;
  readonly heads: number;
  readonly headSize: number;
  /** i32 [tokens, 1]. */
  readonly positions: DeviceBuffer;
  readonly table: DeviceBuffer;
}
