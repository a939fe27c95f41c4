#pragma once
/** Streams of the emulated driver: queues of work, which may be recorded instead. */
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace emulator {

/** The driver's status codes, by their numbers in its interface. */
enum Result { success = 0, invalidValue = 1, outOfMemory = 2, invalidHandle = 400, notFound = 500, launchFailed = 719 };

/** False if the work failed: every later call then fails too, as after an error on a card. */
using Work = std::function<bool()>;

struct Graph {
  std::vector<Work> nodes;
};

struct Stream {
  std::deque<Work> queue;
  /** Pieces of work that were ever queued, and that have run. */
  uint64_t queued = 0;
  uint64_t finished = 0;
  /** Kernels among them: the emulated clock. */
  uint64_t kernels = 0;
  /** Where work goes while it is recorded. */
  std::shared_ptr<Graph> recording;
};

/** Held by every call that touches streams or memory. */
extern std::recursive_mutex mutex;

/** Queues or records work; null is the default stream. */
int enqueue(Stream* stream, Work work, bool isKernel = false);
/** Runs all that is queued on any stream. */
int drainAll();

/**
 * Notes a call of the driver's interface in the file that the environment variable APT3_EMULATOR_CALLS names, if it does:
 * one line each, so that a test sees what the host waits for.
 */
void called(const char* function, const char* detail = "");
/** The same with an event: by its address, a test sees what was waited for. */
void called(const char* function, const void* event);

}  // namespace emulator
