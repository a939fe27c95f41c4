#pragma once
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "driver.h"
#include "memory.h"
#include "product_choices.h"
#include "recording.h"
#include "staging.h"

namespace apt3::cuda {

struct Grid {
  int64_t x = 1, y = 1, z = 1;
};

/** Scratch memory that operations share: work on the compute stream runs in order. */
enum class Scratch { queryGradients, gainPartials, rowLosses, normPartials, product, count };

/** What is known of a device before it is opened. */
struct DeviceFacts {
  std::string name;
  int capabilityMajor, capabilityMinor, multiprocessors;
  size_t memoryBytes;
  /** Of the cache that all multiprocessors share. */
  size_t cacheBytes;
};

/** cuBLASLt, and which products are left to it. */
struct FastProducts {
  std::unique_ptr<CublasLt> library;
  ProductChoices choices;
};

DeviceFacts readFacts(const Driver& driver, int index);

/**
 * One opened device: its context, kernels, streams and memory. Only the device's own thread may use it, but for
 * `makeCurrent`.
 */
class Gpu {
 public:
  /** @param images the kernels: modules in a form that the driver takes */
  Gpu(const Driver& driver, int index, const std::vector<std::vector<char>>& images, std::shared_ptr<Unused> unused);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  const Driver& driver;
  const DeviceFacts facts;

  /** Lets the calling thread use the device. */
  void makeCurrent() const { driver.check(driver.contextSetCurrent(context_), "cuCtxSetCurrent"); }
  /** Free memory of the device. */
  size_t freeBytes() const;
  /** Memory allocated for buffers, scratch and staging. */
  size_t allocatedBytes() const { return allocatedBytes_; }

  /** Allocates a block's memory, zeroed. */
  void allocate(Block& block);
  /** The address of a buffer or, at its row `row`, inside it. A recording keeps the buffer alive. */
  DeviceAddress at(const Matrix& matrix, int64_t row = 0);
  /** The address of an optional buffer; 0 if absent. */
  DeviceAddress atOptional(const Matrix& matrix) { return matrix.present() ? at(matrix) : 0; }
  /** At least `bytes` of scratch memory; contents are whatever the last user left. */
  DeviceAddress scratch(Scratch which, size_t bytes);
  /** Zeroed memory that goes when its last holder lets go of it. */
  std::shared_ptr<Block> temporary(size_t bytes);
  /** An event to wait for the compute stream; give it back with `recycle`. */
  Event mark();
  void recycle(Event event);

  /** Enqueues a kernel with its parameter struct. `shared` is dynamic shared memory, the kernel's own by default. */
  template <class Parameters>
  void launch(const Kernel& kernel, Grid grid, const Parameters& parameters, unsigned shared = 0) {
    Parameters copy = parameters;
    launchBytes(kernel, grid, &copy, shared == 0 ? kernel.sharedBytes : shared);
  }

  /** Enqueued work goes into a new recording instead of running, until `endRecording`. */
  void beginRecording();
  void endRecording();
  /** Drops what was being recorded, after a failure. */
  void abortRecording() noexcept;
  /** Enqueues the recorded work. */
  void replay();
  bool recording() const { return recording_ != nullptr; }

  /** Uses cuBLASLt for products from now on, where it is found and faster. Its version is added to the file's name. */
  void useFastProducts(const std::string& library, std::string choicesFile);
  /** Null where there is no cuBLASLt. */
  FastProducts* fastProducts() { return fastProducts_.get(); }
  /** Milliseconds that what `enqueue` enqueues takes with nothing of it in the cache, the best of a few times. Waits. */
  float time(const std::function<void()>& enqueue);
  /** Gives unused memory back to the driver. */
  void releaseUnused();

  Stream compute() const { return compute_; }
  Staging& staging() { return *staging_; }
  PinnedPieces& pinned() { return *pinned_; }

 private:
  void close() noexcept;
  void launchBytes(const Kernel& kernel, Grid grid, void* parameters, unsigned shared);
  Function find(const char* kernel) const;
  Function functionOf(const Kernel& kernel, unsigned shared);
  DeviceAddress allocateBytes(size_t bytes);

  const DeviceOrdinal device_;
  Context context_ = nullptr;
  std::vector<Module> modules_;
  Stream compute_ = nullptr;
  Stream copies_ = nullptr;
  struct Loaded {
    Function function;
    unsigned sharedLimit;
  };
  std::map<const char*, Loaded> functions_;
  std::shared_ptr<Unused> unused_;
  /** Allocations of the driver, to give back those that are still held when the device is closed. */
  std::set<DeviceAddress> allocations_;
  size_t allocatedBytes_ = 0;
  std::shared_ptr<Block> scratch_[static_cast<size_t>(Scratch::count)];
  std::vector<Event> events_;
  std::mutex eventsMutex_;
  std::unique_ptr<Recording> recording_, recorded_;
  std::unique_ptr<Staging> staging_;
  std::unique_ptr<PinnedPieces> pinned_;
  std::unique_ptr<FastProducts> fastProducts_;
};

}  // namespace apt3::cuda
