#pragma once
#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../../promises.h"
#include "../../work_queue.h"
#include "gpu.h"

namespace apt3::cuda {

/** What a promise waits for: an event of the device, and what is then left to do with what it brought. */
struct Arrival {
  Event event = nullptr;
  std::function<void()> finish;
};

/**
 * An opened GPU with the two threads that serve it: one enqueues work in order, as the calls come, the other waits for
 * the device on behalf of promises. So neither JavaScript nor the device ever waits for the other.
 */
class CudaDevice {
 public:
  /** @param fastLibrary cuBLASLt: a path, or empty for the installed one; @param choicesFile see ProductChoices */
  CudaDevice(napi_env env, std::string library, int index, std::vector<std::vector<char>> images,
             std::string fastLibrary, std::string choicesFile);
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  /** Runs `work` on the device's thread when its turn comes. */
  void enqueue(std::function<void(Gpu&)> work);
  /** A promise for what `work` has enqueued, and all before it. */
  napi_value promise(napi_env env, std::function<std::function<void()>(Gpu&)> work,
                     const std::vector<napi_value>& kept);
  /** A block whose memory is allocated when its turn comes. */
  std::shared_ptr<Block> allocate(size_t bytes);
  /** Ends the threads and gives everything back to the driver; harmless when called again. */
  void shutdown();

 private:
  struct Awaited {
    Arrival arrival;
    Promises::Pending* pending;
  };

  void waitForArrivals();
  static void onEnvironmentExit(void* device);

  napi_env env_;
  Promises promises_;
  const std::shared_ptr<Unused> unused_ = std::make_shared<Unused>();
  std::unique_ptr<Gpu> gpu_;
  bool open_ = true;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Awaited> awaited_;
  bool stopping_ = false;
  // Threads come last: they use everything above.
  std::thread waiter_;
  WorkQueue queue_;
};

}  // namespace apt3::cuda
