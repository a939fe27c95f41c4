// RMSNorm, rotary positions, SwiGLU, copies, embedding, loss and optimizer, in both element types, at odd widths.
#include <cmath>
#include <cstring>
#include <string>

#include "device.h"

namespace kernel_tests {
namespace {

using namespace apt3::cuda;
using Values = std::vector<float>;

const char* nameOf(Type type) { return type == Type::bf16 ? " bf16 " : " f32 "; }
double toleranceOf(Type type) { return type == Type::bf16 ? bf16Tolerance : f32Tolerance; }

/** The kernel for an element type. */
const Kernel& pick(Type type, const Kernel& bf16, const Kernel& f32) { return type == Type::bf16 ? bf16 : f32; }

constexpr Type elementTypes[] = {Type::bf16, Type::f32};

const Suite norms("rms_norm", [] {
  for (const Type type : elementTypes)
    for (const int columns : {1, 37, 300, 2056}) {
      const int rows = 11;
      const float epsilon = 1e-6f;
      Values x, gain, dOut, dX, dGain;
      const Matrix input = createRandom(Type::f32, rows, columns, x);
      const Matrix gains = createRandom(Type::f32, 1, columns, gain);
      const Matrix out = create(type, rows, columns);
      const Matrix scale = create(Type::f32, rows, 1);
      launch(pick(type, rmsNormBf16, rmsNormF32), {divideUp(rows, 8)},
             RmsNormParams{input.address, gains.address, out.address, scale.address, rows, columns, input.ld, out.ld,
                           scale.ld, epsilon});
      const Matrix gradient = createRandom(type, rows, columns, dOut);
      const Matrix dInput = createRandom(Type::f32, rows, columns, dX);
      const Matrix dGains = createRandom(Type::f32, 1, columns, dGain);
      const int rowsPerBlock = 4;
      const int blocks = divideUp(rows, rowsPerBlock);
      const Matrix partials = createScratch(Type::f32, blocks, columns);
      const RmsNormBackwardParams backward{input.address, gains.address, scale.address, gradient.address,
                                           dInput.address, partials.address, dGains.address, rows, columns,
                                           rowsPerBlock, blocks, input.ld, scale.ld, gradient.ld, dInput.ld, partials.ld};
      launch(pick(type, rmsNormBackwardBf16, rmsNormBackwardF32), {blocks}, backward, rmsNormBackwardShared(columns));
      launch(rmsNormGain, {divideUp(columns, 32)}, backward);

      Values expected, scales;
      for (int row = 0; row < rows; row++) {
        const size_t start = static_cast<size_t>(row * columns);
        double squares = 0;
        for (int i = 0; i < columns; i++) squares += static_cast<double>(x[start + i]) * x[start + i];
        const double factor = 1 / std::sqrt(squares / columns + epsilon);
        scales.push_back(static_cast<float>(factor));
        double dot = 0;
        for (int i = 0; i < columns; i++) {
          expected.push_back(static_cast<float>(x[start + i] * factor * gain[i]));
          dot += static_cast<double>(x[start + i]) * gain[i] * dOut[start + i];
          dGain[i] += static_cast<float>(dOut[start + i] * x[start + i] * factor);
        }
        for (int i = 0; i < columns; i++)
          dX[start + i] += static_cast<float>(factor * gain[i] * dOut[start + i] -
                                              x[start + i] * factor * factor * factor * dot / columns);
      }
      const std::string name = nameOf(type) + std::to_string(columns);
      expectClose("rms_norm" + name, read(out), expected, toleranceOf(type));
      expectClose("rms_norm scale" + name, read(scale), scales, f32Tolerance);
      expectClose("rms_norm_backward dX" + name, read(dInput), dX, f32Tolerance);
      expectClose("rms_norm_backward dGain" + name, read(dGains), dGain, f32Tolerance);
    }
});

const Suite rotations("rope", [] {
  for (const Type type : elementTypes)
    for (const int headSize : {2, 6, 64})
      for (const float direction : {1.0f, -1.0f}) {
        const int rows = 7, heads = 3, columns = (heads + 2) * headSize, half = headSize / 2;
        const std::vector<int> positions = {2, 0, 1, 4, 2, 3, 1};
        Values x, table;
        const Matrix matrix = createRandom(type, rows, columns, x);
        const Matrix angles = createRandom(Type::f32, 5, headSize, table);
        const Matrix places = createIntegers(positions);
        launch(pick(type, ropeBf16, ropeF32), {divideUp(rows * heads * divideUp(half, 8), 256)},
               RopeParams{matrix.address, places.address, angles.address, rows, heads, headSize, matrix.ld, angles.ld,
                          direction});
        for (int row = 0; row < rows; row++)
          for (int head = 0; head < heads; head++)
            for (int i = 0; i < half; i++) {
              const float c = table[static_cast<size_t>(positions[static_cast<size_t>(row)] * headSize + i)];
              const float s = table[static_cast<size_t>(positions[static_cast<size_t>(row)] * headSize + half + i)] * direction;
              float& low = x[static_cast<size_t>(row * columns + head * headSize + i)];
              float& high = x[static_cast<size_t>(row * columns + head * headSize + half + i)];
              const float a = low, b = high;
              low = a * c - b * s;
              high = b * c + a * s;
            }
        expectClose("rope" + std::string(nameOf(type)) + std::to_string(headSize) + (direction < 0 ? " back" : ""),
                    read(matrix), x, toleranceOf(type));
      }
});

const Suite activations("swiglu", [] {
  for (const Type type : elementTypes)
    for (const int features : {1, 13, 16, 2060}) {
      const int rows = 5;
      Values input, gradient;
      const Matrix gateUp = createRandom(type, rows, 2 * features, input);
      const Matrix dOut = createRandom(type, rows, features, gradient);
      const Matrix out = create(type, rows, features);
      const Matrix dGateUp = create(type, rows, 2 * features);
      const Grid grid{divideUp(divideUp(features, 8), 256), rows};
      launch(pick(type, swigluBf16, swigluF32), grid,
             SwigluParams{gateUp.address, out.address, rows, features, gateUp.ld, out.ld});
      launch(pick(type, swigluBackwardBf16, swigluBackwardF32), grid,
             SwigluBackwardParams{gateUp.address, dOut.address, dGateUp.address, rows, features, gateUp.ld, dOut.ld, dGateUp.ld});
      Values expected, backward(input.size());
      for (int row = 0; row < rows; row++)
        for (int i = 0; i < features; i++) {
          const size_t at = static_cast<size_t>(row * 2 * features + i);
          const double gate = input[at], up = input[at + features], d = gradient[static_cast<size_t>(row * features + i)];
          const double open = 1 / (1 + std::exp(-gate));
          expected.push_back(static_cast<float>(gate * open * up));
          backward[at] = static_cast<float>(d * up * open * (1 + gate * (1 - open)));
          backward[at + features] = static_cast<float>(d * gate * open);
        }
      const std::string name = nameOf(type) + std::to_string(features);
      expectClose("swiglu" + name, read(out), expected, toleranceOf(type));
      expectClose("swiglu_backward" + name, read(dGateUp), backward, toleranceOf(type));
    }
});

const Suite copies("convert", [] {
  for (const Type from : elementTypes)
    for (const Type to : elementTypes) {
      Values values;
      const Matrix source = createRandom(from, 5, 19, values);
      const Matrix target = create(to, 5, 19);
      const Kernel& kernel = from == Type::bf16 ? pick(to, convertBf16ToBf16, convertBf16ToF32)
                                                : pick(to, convertF32ToBf16, convertF32ToF32);
      launch(kernel, {1, 5}, ConvertParams{source.address, target.address, 5, 19, source.ld, target.ld});
      for (float& value : values)
        if (to == Type::bf16) value = roundedToBf16(value);
      expectClose(kernel.name, read(target), values, 0);
    }
});

const Suite embeddings("embedding", [] {
  for (const Type type : elementTypes)
    for (const int columns : {7, 1100}) {
      const int vocabulary = 11;
      std::vector<int> ids;
      for (int i = 0; i < 300; i++) ids.push_back(i * i % 7 == 2 ? 10 : i % 3);
      const int rows = static_cast<int>(ids.size());
      Values table, gradient, sums;
      const Matrix weight = createRandom(type, vocabulary, columns, table);
      const Matrix list = createIntegers(ids);
      const Matrix out = create(Type::f32, rows, columns);
      launch(pick(type, embeddingBf16, embeddingF32), {divideUp(divideUp(columns, 8), 256), rows},
             EmbeddingParams{list.address, weight.address, out.address, rows, columns, vocabulary, weight.ld, out.ld});
      const Matrix dOut = createRandom(Type::f32, rows, columns, gradient);
      const Matrix dWeight = createRandom(Type::f32, vocabulary, columns, sums);
      launch(embeddingBackward, {rows, divideUp(columns, 1024)},
             EmbeddingBackwardParams{list.address, dOut.address, dWeight.address, rows, columns, vocabulary, dOut.ld, dWeight.ld});
      Values expected;
      for (int row = 0; row < rows; row++)
        for (int i = 0; i < columns; i++) {
          const size_t at = static_cast<size_t>(ids[static_cast<size_t>(row)] * columns + i);
          expected.push_back(table[at]);
          sums[at] += gradient[static_cast<size_t>(row * columns + i)];
        }
      const std::string name = nameOf(type) + std::to_string(columns);
      expectClose("embedding" + name, read(out), expected, 0);
      // The same additions in the same order.
      expectClose("embedding_backward" + name, read(dWeight), sums, 0);
    }
});

const Suite losses("cross_entropy", [] {
  for (const Type type : elementTypes)
    for (const int columns : {5, 31, 4100})
      for (const float gradientScale : {0.0f, 0.25f}) {
        const std::vector<int> targets = {3, -100, columns - 1, 0, 4, 4};
        const int rows = static_cast<int>(targets.size());
        Values logits, sums;
        Matrix matrix = createRandom(type, rows, columns, logits, 2);
        // Two equal largest logits: the smaller id is first. And a row that is nearly certain.
        logits[static_cast<size_t>(4 * columns + 4)] = logits[static_cast<size_t>(4 * columns + 2)] = 20;
        logits[static_cast<size_t>(5 * columns + 4)] = 30;
        write(matrix, logits);
        const Matrix rowLosses = createScratch(Type::f32, rows, 2);
        const Matrix totals = createRandom(Type::f32, 1, 3, sums);
        const CrossEntropyParams params{matrix.address, createIntegers(targets).address, rowLosses.address,
                                        totals.address, rows, columns, matrix.ld, gradientScale};
        launch(pick(type, crossEntropyBf16, crossEntropyF32), {rows}, params);
        launch(crossEntropySums, {1}, params);
        double total[3] = {sums[0], sums[1], sums[2]};
        for (int row = 0; row < rows; row++) {
          float* own = logits.data() + row * columns;
          const int target = targets[static_cast<size_t>(row)];
          int best = 0;
          double sum = 0;
          for (int i = 1; i < columns; i++) best = own[i] > own[best] ? i : best;
          const double largest = own[best];
          for (int i = 0; i < columns; i++) sum += std::exp(own[i] - largest);
          if (target >= 0) {
            total[0] += std::log(sum) + largest - own[target];
            total[1] += best == target;
            total[2] += 1;
          }
          for (int i = 0; i < columns && gradientScale != 0; i++)
            own[i] = target < 0 ? 0
                                : static_cast<float>((std::exp(own[i] - largest) / sum - (i == target)) * gradientScale);
        }
        const std::string name = nameOf(type) + std::to_string(columns) + (gradientScale != 0 ? " gradient" : "");
        expectClose("cross_entropy logits" + name, read(matrix), logits, toleranceOf(type));
        expectClose("cross_entropy sums" + name, read(totals),
                    {static_cast<float>(total[0]), static_cast<float>(total[1]), static_cast<float>(total[2])}, f32Tolerance);
      }
});

/** model/stochastic-rounding.ts. */
uint32_t mix(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

float roundStochastically(float value, uint32_t noise) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = (bits + noise) & 0xffff0000u;
  std::memcpy(&value, &bits, 4);
  return value;
}

const Suite norms2("squared_norm", [] {
  Values values;
  const Matrix matrix = createRandom(Type::f32, 37, 1000, values);
  const Matrix partials = createScratch(Type::f32, 1, 5);
  const Matrix out = create(Type::f32, 1, 1);
  launch(squaredNorm, {3}, SquaredNormParams{matrix.address, partials.address, 37LL * matrix.ld, 0, 3});
  launch(squaredNorm, {2}, SquaredNormParams{matrix.address, partials.address, 37LL * matrix.ld, 3, 2});
  launch(squaredNormSum, {1}, SquaredNormSumParams{partials.address, out.address, 5});
  double sum = 0;
  for (const float value : values) sum += 2 * static_cast<double>(value) * value;
  expectClose("squared_norm", read(out), {static_cast<float>(sum)}, f32Tolerance);
});

const Suite updates("adamw", [] {
  for (const bool momentsBf16 : {false, true})
    for (const float squared : {16.0f, 1e-4f, INFINITY, NAN}) {
      const int rows = 5, columns = 301;
      const uint32_t seed = 0x12345678u;
      const Type moments = momentsBf16 ? Type::bf16 : Type::f32;
      Values weight, gradient, first, second;
      const Matrix exact = createRandom(Type::f32, rows, columns, weight);
      const Matrix rounded = create(Type::bf16, rows, columns);
      const Matrix gradients = createRandom(Type::f32, rows, columns, gradient);
      const Matrix m = createRandom(moments, rows, columns, first);
      Matrix v = createRandom(moments, rows, columns, second);
      for (float& value : second) value = std::fabs(value);
      write(v, second);
      const Matrix norm = create(Type::f32, 1, 1);
      write(norm, {squared});
      AdamWParams p{exact.address, rounded.address, gradients.address, m.address, v.address, norm.address,
                    static_cast<long long>(rows) * exact.ld, 0.9f, 0.1f, 0.95f, 0.05f, 1e-8f, 0.999f, 0.01f, 1.5f, 1.0f,
                    momentsBf16, columns, exact.ld, seed};
      launch(adamw, {divideUp(rows * exact.ld, 1024)}, p);
      const bool step = std::isfinite(squared);
      const float scale = std::min(1.0f, p.maxNorm / (std::sqrt(squared) + 1e-6f));
      Values expectedRounded(weight.size());
      for (size_t i = 0; i < weight.size() && step; i++) {
        const float g = gradient[i] * scale;
        const float newFirst = first[i] * p.beta1 + g * p.rest1;
        const float newSecond = second[i] * p.beta2 + g * g * p.rest2;
        weight[i] = weight[i] * p.keep - newFirst * p.stepSize / (std::sqrt(newSecond) * p.secondCorrection + p.epsilon);
        expectedRounded[i] = roundedToBf16(weight[i]);
        const uint32_t noise = mix(mix(static_cast<uint32_t>(i) ^ seed) + seed);
        first[i] = momentsBf16 ? roundStochastically(newFirst, noise & 0xffff) : newFirst;
        second[i] = momentsBf16 ? roundStochastically(newSecond, noise >> 16) : newSecond;
      }
      const std::string name = std::string(momentsBf16 ? " bf16 moments" : "") + " norm² " + std::to_string(squared);
      expectClose("adamw weight" + name, read(exact), weight, f32Tolerance);
      expectClose("adamw bf16 weight" + name, read(rounded), expectedRounded, bf16Tolerance);
      expectClose("adamw gradient" + name, read(gradients), Values(weight.size()), 0);
      // One noise more or less in a million rounds the other way where the float32 sums differ in their last bit.
      expectClose("adamw first moment" + name, read(m), first, toleranceOf(moments));
      expectClose("adamw second moment" + name, read(v), second, toleranceOf(moments));
    }
});

}  // namespace
}  // namespace kernel_tests
