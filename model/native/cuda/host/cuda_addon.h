#pragma once
#include <node_api.h>

namespace apt3::cuda {

/** The native side of model/backends/cuda.ts: an object of functions. */
napi_value exportsOf(napi_env env);

}  // namespace apt3::cuda
