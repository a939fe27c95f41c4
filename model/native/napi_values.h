#pragma once
#include <node_api.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "buffer.h"
#include "napi.h"
#include "operations.h"

namespace apt3 {

/** `undefined` is an absent buffer. */
inline void decode(napi_env env, napi_value value, Buffer& to) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  if (type == napi_undefined) return;
  const Buffer* buffer = externalValue<Buffer>(env, value);
  if (!buffer->present()) throw std::runtime_error("a buffer that has been freed");
  to = *buffer;
}

template <class Item>
void decode(napi_env env, napi_value value, std::vector<Item>& to) {
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  to.resize(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    check(env, napi_get_element(env, value, i, &element));
    decode(env, element, to[i]);
  }
}

inline void decode(napi_env env, napi_value value, Transposition& to) {
  std::string name;
  decode(env, value, name);
  to = name == "nt" ? Transposition::nt : name == "nn" ? Transposition::nn : Transposition::tn;
}

inline void decode(napi_env env, napi_value value, DType& to) {
  std::string name;
  decode(env, value, name);
  to = name == "f32" ? DType::f32 : name == "bf16" ? DType::bf16 : DType::i32;
}

inline void decode(napi_env env, napi_value value, AttentionShape& to) {
  decode(env, property(env, value, "sequences"), to.sequences);
  decode(env, property(env, value, "sequenceLength"), to.sequenceLength);
  decode(env, property(env, value, "heads"), to.heads);
  decode(env, property(env, value, "kvHeads"), to.kvHeads);
  decode(env, property(env, value, "headSize"), to.headSize);
}

inline void decode(napi_env env, napi_value value, AdamWStep& to) {
  decode(env, property(env, value, "learningRate"), to.learningRate);
  decode(env, property(env, value, "beta1"), to.beta1);
  decode(env, property(env, value, "beta2"), to.beta2);
  decode(env, property(env, value, "epsilon"), to.epsilon);
  decode(env, property(env, value, "update"), to.update);
  decode(env, property(env, value, "weightDecay"), to.weightDecay);
  decode(env, property(env, value, "maxNorm"), to.maxNorm);
  decode(env, property(env, value, "roundingSeed"), to.roundingSeed);
}

/** The elements of a Float32Array or Int32Array, of which there must be `expected`. */
inline TypedArray typedArray(napi_env env, napi_value value, int64_t expected) {
  const TypedArray array = typedArray(env, value);
  if (array.type != napi_float32_array && array.type != napi_int32_array) {
    throw std::runtime_error("expected 32-bit elements");
  }
  if (static_cast<int64_t>(array.elements) != expected) throw std::runtime_error("as many values as elements");
  return array;
}

}  // namespace apt3
