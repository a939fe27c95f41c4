#pragma once
#include <initializer_list>
#include <tuple>
#include <type_traits>
#include <utility>

#include "napi_values.h"

namespace apt3 {

/** A native function's name and what it does. */
using NamedFunction = std::pair<const char*, napi_callback>;

/** Makes native functions properties of an object. */
inline void defineFunctions(napi_env env, napi_value object, std::initializer_list<NamedFunction> functions) {
  for (const auto& [name, function] : functions) defineFunction(env, object, name, function);
}

/** A call whose first argument is a device: decodes the others by their types and gives both to `enqueue`. */
template <class Device, class... Parameters, class Enqueue>
napi_value decodeCall(napi_env env, napi_callback_info info, Enqueue enqueue) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<sizeof...(Parameters) + 1> arguments(env, info);
    std::tuple<std::decay_t<Parameters>...> decoded;
    size_t next = 1;
    std::apply([&](auto&... to) { (decode(env, arguments.values[next++], to), ...); }, decoded);
    enqueue(externalValue<Device>(env, arguments.values[0]), std::move(decoded));
    return nullptr;
  });
}

}  // namespace apt3
