#pragma once
#include <node_api.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "buffer.h"
#include "operations.h"

namespace apt3 {

/** Thrown when a call into Node fails because a JavaScript exception is already on its way. */
struct PendingException {};

inline void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException();
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  const bool told = info != nullptr && info->error_message != nullptr;
  throw std::runtime_error(told ? info->error_message : "a call into Node failed");
}

template <class T>
T* externalValue(napi_env env, napi_value value) {
  void* pointer = nullptr;
  check(env, napi_get_value_external(env, value, &pointer));
  return static_cast<T*>(pointer);
}

template <class T>
void finalize(napi_env, void* data, void*) {
  delete static_cast<T*>(data);
}

/** A JavaScript handle that owns `object`. */
template <class T>
napi_value externalOf(napi_env env, std::unique_ptr<T> object) {
  napi_value value;
  check(env, napi_create_external(env, object.get(), finalize<T>, nullptr, &value));
  object.release();
  return value;
}

inline napi_value property(napi_env env, napi_value object, const char* name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}

/** Reads arguments of native functions; one overload for each type that an operation takes. */
inline void decode(napi_env env, napi_value value, double& to) { check(env, napi_get_value_double(env, value, &to)); }

inline void decode(napi_env env, napi_value value, int64_t& to) { check(env, napi_get_value_int64(env, value, &to)); }

inline void decode(napi_env env, napi_value value, std::string& to) {
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  to.resize(length);
  check(env, napi_get_value_string_utf8(env, value, to.data(), length + 1, &length));
}

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

/** Runs the body of a native function; C++ exceptions become JavaScript ones. */
template <class Body>
napi_value guarded(napi_env env, Body body) {
  try {
    return body();
  } catch (const PendingException&) {
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

/** The arguments of a call; missing ones are `undefined`. */
template <size_t count>
struct Arguments {
  napi_value values[count];

  Arguments(napi_env env, napi_callback_info info) {
    size_t given = count;
    check(env, napi_get_cb_info(env, info, &given, values, nullptr, nullptr));
  }
};

struct TypedArray {
  void* data = nullptr;
  size_t elements = 0;
};

/** The elements of a Float32Array or Int32Array, of which there must be `expected`. */
inline TypedArray typedArray(napi_env env, napi_value value, int64_t expected) {
  TypedArray array;
  napi_typedarray_type type;
  check(env, napi_get_typedarray_info(env, value, &type, &array.elements, &array.data, nullptr, nullptr));
  if (type != napi_float32_array && type != napi_int32_array) throw std::runtime_error("expected 32-bit elements");
  if (static_cast<int64_t>(array.elements) != expected) throw std::runtime_error("as many values as elements");
  return array;
}

}  // namespace apt3
