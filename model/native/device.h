#pragma once
#include <node_api.h>

#include <functional>
#include <vector>

#include "engine.h"
#include "operations.h"
#include "promises.h"
#include "work_queue.h"

namespace apt3 {

/** One opened backend: an engine, the thread that runs its work, and the way back to JavaScript's thread. */
class Device {
 public:
  Device(napi_env env, const Operations& operations, int threads);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Operations& operations;
  Engine engine;
  WorkQueue queue;

  /** A promise for the end of `work`; `kept` stays alive until then. Keeps the process alive meanwhile. */
  napi_value promise(napi_env env, std::function<void()> work, const std::vector<napi_value>& kept);
  /** Ends the thread; harmless when called again. */
  void shutdown();

 private:
  static void onEnvironmentExit(void* device);

  napi_env env_;
  Promises promises_;
  bool open_ = true;
};

}  // namespace apt3
