#pragma once
#include <node_api.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine.h"
#include "operations.h"
#include "work_queue.h"

namespace apt3 {

/** One opened backend: an engine, the thread that runs its work, and the way back to JavaScript's thread. */
class Device {
 public:
  Device(napi_env env, const Operations& operations, bool bf16Products, int threads);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Operations& operations;
  Engine engine;
  WorkQueue queue;

  /** A promise for the end of `work`; `kept` stays alive until then. Keeps the process alive meanwhile. */
  napi_value promise(napi_env env, std::function<void()> work, std::vector<napi_value> kept);
  /** Ends the thread; harmless when called again. */
  void shutdown();

 private:
  struct Completion;
  static void settle(napi_env env, napi_value, void* context, void* data);
  static void onEnvironmentExit(void* device);

  napi_env env_;
  napi_threadsafe_function notify_ = nullptr;
  int pending_ = 0;
  bool open_ = true;
};

}  // namespace apt3
