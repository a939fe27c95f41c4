#pragma once
#include <node_api.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

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

/** Reads arguments of native functions; one overload for each type. */
inline void decode(napi_env env, napi_value value, double& to) { check(env, napi_get_value_double(env, value, &to)); }

inline void decode(napi_env env, napi_value value, int64_t& to) { check(env, napi_get_value_int64(env, value, &to)); }

inline void decode(napi_env env, napi_value value, bool& to) { check(env, napi_get_value_bool(env, value, &to)); }

inline void decode(napi_env env, napi_value value, std::string& to) {
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  to.resize(length);
  check(env, napi_get_value_string_utf8(env, value, to.data(), length + 1, &length));
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
  napi_typedarray_type type;
  void* data = nullptr;
  size_t elements = 0;
};

inline TypedArray typedArray(napi_env env, napi_value value) {
  TypedArray array;
  check(env, napi_get_typedarray_info(env, value, &array.type, &array.elements, &array.data, nullptr, nullptr));
  return array;
}

/** Defines a function of the module. */
inline void defineFunction(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value));
  check(env, napi_set_named_property(env, exports, name, value));
}

}  // namespace apt3
