// The native side of pipeline/runtime/memory.ts.
#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "napi.h"

namespace apt3 {
namespace {

constexpr int largeBlock = 4 << 20;

napi_value boolean(napi_env env, bool value) {
  napi_value result;
  check(env, napi_get_boolean(env, value, &result));
  return result;
}

/** mapLargeBlocks(): whether this C library can be told to. */
napi_value mapLargeBlocks(napi_env env, napi_callback_info) {
#ifdef __GLIBC__
  return boolean(env, mallopt(M_MMAP_THRESHOLD, largeBlock) == 1);
#else
  return boolean(env, false);
#endif
}

/** returnFreePages(): whether there were any. */
napi_value returnFreePages(napi_env env, napi_callback_info) {
#ifdef __GLIBC__
  return boolean(env, malloc_trim(0) == 1);
#else
  return boolean(env, false);
#endif
}

}  // namespace
}  // namespace apt3

NAPI_MODULE_INIT() {
  apt3::defineFunction(env, exports, "mapLargeBlocks", apt3::mapLargeBlocks);
  apt3::defineFunction(env, exports, "returnFreePages", apt3::returnFreePages);
  return exports;
}
