#pragma once
/** SwiGLU, the same in its own kernels and in the fused ones. */
#include "memory.cuh"

namespace apt3::cuda {

DEVICE float sigmoid(float x) { return reciprocal(1.0f + exponential(-x)); }

/** silu(gate) · up. */
DEVICE float swiglu(float gate, float up) { return gate * sigmoid(gate) * up; }

/** d silu/d gate = σ(gate)·(1 + gate·(1 − σ(gate))). */
DEVICE void swigluGradient(float gate, float up, float gradient, float& dGate, float& dUp) {
  const float open = sigmoid(gate);
  dGate = gradient * up * open * (1.0f + gate * (1.0f - open));
  dUp = gradient * gate * open;
}

/** Reads up to 8 elements of a row whose start need not be aligned. */
template <class T>
DEVICE void loadAnywhere(float (&to)[8], const T* from, int count) {
  if (reinterpret_cast<unsigned long long>(from) % 16 == 0 && count >= vectorSize) return loadVector(to, from, count);
#pragma unroll
  for (int i = 0; i < vectorSize; i++) to[i] = i < count ? toFloat(from[i]) : 0;
}

/** Writes up to 8 elements likewise, and nothing behind them. */
template <class T>
DEVICE void storeAnywhere(T* to, const float (&from)[8], int count) {
  if (reinterpret_cast<unsigned long long>(to) % 16 == 0 && count >= vectorSize) return storeVector(to, from, count);
#pragma unroll
  for (int i = 0; i < vectorSize; i++)
    if (i < count) to[i] = fromFloat<T>(from[i]);
}

}  // namespace apt3::cuda
