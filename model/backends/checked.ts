import type { AttentionArguments, DeviceBuffer, RopeArguments } from "../backend.ts";
import type { BasicBackend } from "./complete.ts";
import {
  expectAdamW,
  expectAlike,
  expectAttention,
  expectFloats,
  expectIntegers,
  expectProduct,
  expectShape,
} from "./shapes.ts";

/**
 * The same backend behind checks of the shapes and element types of every call, which throw at once: native code trusts
 * its arguments, and TensorFlow.js would make something of operands that do not fit.
 */
export function checked(backend: BasicBackend): BasicBackend {
  return {
    ...backend,
    write(buffer, values) {
      expectElements(buffer, values);
      backend.write(buffer, values);
    },
    async read(buffer) {
      expectFloats(buffer);
      return backend.read(buffer);
    },
    copy(args) {
      const { from, fromRow, to, toRow, rows } = args;
      expectFloats(from);
      expectFloats(to);
      const inside = fromRow >= 0 && toRow >= 0 && fromRow + rows <= from.rows && toRow + rows <= to.rows;
      if (!inside || from.columns !== to.columns) {
        throw new Error(`copy of ${rows} rows: outside ${from.name} or ${to.name}`);
      }
      backend.copy(args);
    },

    embedding(args) {
      const { ids, weight, out } = args;
      expectIntegers(ids, out.rows);
      expectFloats(weight);
      expectShape(out, out.rows, weight.columns, "f32");
      backend.embedding(args);
    },
    embeddingBackward(args) {
      const { ids, dOut, dWeight } = args;
      expectIntegers(ids, dOut.rows);
      expectShape(dOut, dOut.rows, dOut.columns, "f32");
      expectShape(dWeight, dWeight.rows, dOut.columns, "f32");
      backend.embeddingBackward(args);
    },

    rmsNorm(args) {
      const { x, gain, out, scale } = args;
      expectFloats(out);
      expectShape(x, out.rows, out.columns, "f32");
      expectShape(gain, 1, x.columns, "f32");
      expectShape(scale, x.rows, 1, "f32");
      backend.rmsNorm(args);
    },
    rmsNormBackward(args) {
      const { x, gain, scale, dOut, dX, dGain } = args;
      expectFloats(dOut);
      for (const exact of [x, dX]) expectShape(exact, dOut.rows, dOut.columns, "f32");
      expectShape(gain, 1, x.columns, "f32");
      expectShape(scale, x.rows, 1, "f32");
      expectShape(dGain, 1, x.columns, "f32");
      backend.rmsNormBackward(args);
    },

    matmul(args) {
      expectProduct(args);
      backend.matmul(args);
    },
    rope(args) {
      expectRotation(args);
      backend.rope(args);
    },
    ropeBackward(args) {
      expectRotation(args);
      backend.ropeBackward(args);
    },

    attention(args) {
      expectAttentionBuffers(args);
      backend.attention(args);
    },
    attentionBackward(args) {
      const { out, qkv, logSumExp, dOut, dQkv, rowSums } = args;
      expectAttentionBuffers(args);
      expectAlike(out, dOut);
      expectAlike(qkv, dQkv);
      expectShape(rowSums, logSumExp.rows, logSumExp.columns, "f32");
      backend.attentionBackward(args);
    },
    cachedAttention(args) {
      const { shape, capacity, positions, qkv, cache, out } = args;
      expectIntegers(positions, expectAttention(shape, qkv, out));
      expectShape(cache, shape.sequences * capacity, 2 * shape.kvHeads * shape.headSize, qkv.dtype);
      backend.cachedAttention(args);
    },

    swiglu(args) {
      const { gateUp, out } = args;
      expectFloats(out);
      expectShape(gateUp, out.rows, 2 * out.columns, out.dtype);
      backend.swiglu(args);
    },
    swigluBackward(args) {
      const { gateUp, dOut, dGateUp } = args;
      expectAlike(gateUp, dGateUp);
      expectShape(gateUp, dOut.rows, 2 * dOut.columns, dOut.dtype);
      backend.swigluBackward(args);
    },

    crossEntropy(args) {
      const { logits, targets, sums } = args;
      expectFloats(logits);
      expectIntegers(targets, logits.rows);
      expectShape(sums, 1, 3, "f32");
      backend.crossEntropy(args);
    },

    squaredNorm(args) {
      for (const part of args.buffers) expectShape(part, part.rows, part.columns, "f32");
      expectShape(args.out, 1, 1, "f32");
      backend.squaredNorm(args);
    },
    adamw(args) {
      expectShape(args.squaredNorm, 1, 1, "f32");
      for (const tensor of args.tensors) expectAdamW(tensor);
      backend.adamw(args);
    },
  };
}

function expectElements(buffer: DeviceBuffer, values: Float32Array | Int32Array): void {
  const elements = buffer.rows * buffer.columns;
  if (values.length !== elements) {
    throw new Error(`${buffer.name}: ${elements} elements, ${values.length} written`);
  }
  if (values instanceof Int32Array !== (buffer.dtype === "i32")) {
    throw new Error(`${buffer.name}: ${values.constructor.name} written to ${buffer.dtype}`);
  }
}

function expectRotation({ x, heads, headSize, positions, table }: RopeArguments): void {
  expectFloats(x);
  expectIntegers(positions, x.rows);
  expectShape(table, table.rows, headSize, "f32");
  if (heads * headSize > x.columns || headSize % 2 !== 0) {
    throw new Error(`${x.name}: ${heads} heads of ${headSize} do not fit ${x.columns} columns`);
  }
}

function expectAttentionBuffers({ shape, qkv, documentStarts, out, logSumExp }: AttentionArguments): void {
  const tokens = expectAttention(shape, qkv, out);
  expectShape(logSumExp, tokens, shape.heads, "f32");
  if (documentStarts !== undefined) expectIntegers(documentStarts, tokens);
}
