import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { BufferSpec, DeviceBuffer } from "../../backend.ts";
import type { TensorFlow } from "./library.ts";

/**
 * A matrix of floats. Tensors cannot be changed, so an operation that writes the buffer puts a new tensor in the place of
 * the old one. What is called bf16 is float32 with values of bf16: TensorFlow.js has no such type.
 */
export class TensorBuffer implements DeviceBuffer {
  readonly name: string;
  readonly dtype: "f32" | "bf16";
  readonly rows: number;
  readonly columns: number;
  #tensor: Tensor2D | undefined;

  constructor({ name, rows, columns }: BufferSpec, dtype: "f32" | "bf16") {
    this.name = name;
    this.dtype = dtype;
    this.rows = rows;
    this.columns = columns;
  }

  get tensor(): Tensor2D {
    if (this.#tensor === undefined) throw new Error(`${this.name}: freed`);
    return this.#tensor;
  }

  /** Takes over a tensor with as many elements, and disposes of the one before. */
  set(tf: TensorFlow, values: Tensor): void {
    const tensor: Tensor2D = tf.keep(tf.reshape(values, [this.rows, this.columns]));
    this.release();
    this.#tensor = tensor;
  }

  /** Gives the memory back; the buffer holds nothing until it is set again. */
  release(): void {
    this.#tensor?.dispose();
    this.#tensor = undefined;
  }
}

/**
 * Token ids, positions and targets: they come from the host and stay there, where they can be checked and where plans
 * are made from them.
 */
export class IntegerBuffer implements DeviceBuffer {
  readonly name: string;
  readonly dtype = "i32";
  readonly rows: number;
  readonly columns: number;
  #values: Int32Array | undefined;

  constructor({ name, rows, columns }: BufferSpec) {
    this.name = name;
    this.rows = rows;
    this.columns = columns;
    this.#values = new Int32Array(rows * columns);
  }

  get values(): Int32Array {
    if (this.#values === undefined) throw new Error(`${this.name}: freed`);
    return this.#values;
  }

  set(values: Int32Array): void {
    this.#values = values;
  }

  release(): void {
    this.#values = undefined;
  }
}

/**
 * TensorFlow.js leaves open what an index outside a table gives, so all are checked first.
 *
 * @throws Error if one of them is not in 0…below − 1
 */
export function checkIndices(what: string, indices: Int32Array, below: number): void {
  const row = indices.findIndex((index) => index < 0 || index >= below);
  if (row >= 0) throw new Error(`${what} ${indices[row]} of row ${row} is not in 0…${below - 1}`);
}

/** A buffer for what a spec describes: integers stay with the host. */
export function newBuffer(spec: BufferSpec): TensorBuffer | IntegerBuffer {
  return spec.dtype === "i32" ? new IntegerBuffer(spec) : new TensorBuffer(spec, spec.dtype);
}

/**
 * @throws Error for a buffer of another backend
 */
export function own(buffer: DeviceBuffer): TensorBuffer | IntegerBuffer {
  if (buffer instanceof TensorBuffer || buffer instanceof IntegerBuffer) return buffer;
  throw new Error(`${buffer.name}: a buffer of another backend`);
}

/** Only moments may be bf16. */
export function anyFloats(buffer: DeviceBuffer): TensorBuffer {
  const found = own(buffer);
  if (found instanceof TensorBuffer) return found;
  throw new Error(`${buffer.name}: expected f32 or bf16, found i32`);
}

/** Everything but moments is float32. */
export function floats(buffer: DeviceBuffer): TensorBuffer {
  const found = anyFloats(buffer);
  if (found.dtype === "f32") return found;
  throw new Error(`${buffer.name}: expected f32, found bf16`);
}

/** The values of ids, positions, targets. */
export function integers(buffer: DeviceBuffer): Int32Array {
  const found = own(buffer);
  if (found instanceof IntegerBuffer) return found.values;
  throw new Error(`${buffer.name}: expected i32, found ${found.dtype}`);
}

export const optionalIntegers = (buffer: DeviceBuffer | undefined): Int32Array | undefined =>
  buffer === undefined ? undefined : integers(buffer);
