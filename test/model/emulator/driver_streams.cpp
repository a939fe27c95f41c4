/**
 * The part of the emulated driver that orders work: streams, events, recorded graphs. Work is put off as long as it may
 * be: a stream runs when something waits for it. So a missing wait, or memory of the host that changes too early, gives
 * wrong results here and not only on a fast card.
 */
#include "driver_streams.h"

#include <cstdio>
#include <cstdlib>

namespace emulator {

std::recursive_mutex mutex;

namespace {

struct Event {
  Stream* stream = nullptr;
  uint64_t position = 0;
  uint64_t kernels = 0;
  std::shared_ptr<Graph> recording;
};

std::vector<Stream*> streams;
Stream defaultStream;
bool broken = false;

bool drain(Stream& stream, uint64_t until) {
  while (stream.finished < until && !stream.queue.empty()) {
    Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    stream.finished++;
    if (!broken && !work()) broken = true;
  }
  return !broken;
}

}  // namespace

int drainAll() {
  drain(defaultStream, defaultStream.queued);
  for (Stream* stream : streams) drain(*stream, stream->queued);
  return broken ? launchFailed : success;
}

int enqueue(Stream* stream, Work work, bool isKernel) {
  if (broken) return launchFailed;
  Stream& target = stream == nullptr ? defaultStream : *stream;
  if (target.recording != nullptr) {
    target.recording->nodes.push_back(std::move(work));
    return success;
  }
  target.queue.push_back(std::move(work));
  target.queued++;
  if (isKernel) target.kernels++;
  return success;
}

void called(const char* function, const char* detail) {
  const char* path = std::getenv("APT3_EMULATOR_CALLS");
  if (path == nullptr) return;
  const std::lock_guard lock(mutex);
  if (std::FILE* file = std::fopen(path, "a")) {
    std::fprintf(file, detail[0] == 0 ? "%s\n" : "%s %s\n", function, detail);
    std::fclose(file);
  }
}

void called(const char* function, const void* event) {
  char address[32];
  std::snprintf(address, sizeof address, "%p", event);
  called(function, address);
}

}  // namespace emulator

using namespace emulator;

extern "C" {

int cuCtxSynchronize() {
  called(__func__);
  std::lock_guard lock(mutex);
  return drainAll();
}

int cuStreamCreate(Stream** stream, unsigned) {
  std::lock_guard lock(mutex);
  *stream = new Stream;
  streams.push_back(*stream);
  return success;
}
int cuStreamDestroy_v2(Stream* stream) {
  std::lock_guard lock(mutex);
  drain(*stream, stream->queued);
  std::erase(streams, stream);
  delete stream;
  return success;
}
int cuStreamSynchronize(Stream* stream) {
  called(__func__);
  std::lock_guard lock(mutex);
  Stream& target = stream == nullptr ? defaultStream : *stream;
  return drain(target, target.queued) ? success : launchFailed;
}
int cuStreamQuery(Stream* stream) { return cuStreamSynchronize(stream); }

int cuLaunchHostFunc(Stream* stream, void (*function)(void*), void* data) {
  std::lock_guard lock(mutex);
  return enqueue(stream, [=] { return function(data), true; });
}

int cuEventCreate(Event** event, unsigned) {
  called(__func__);
  *event = new Event;
  return success;
}
int cuEventDestroy_v2(Event* event) {
  delete event;
  return success;
}
int cuEventRecord(Event* event, Stream* stream) {
  called(__func__, static_cast<const void*>(event));
  std::lock_guard lock(mutex);
  Stream& target = stream == nullptr ? defaultStream : *stream;
  *event = {&target, target.queued, target.kernels, target.recording};
  return broken ? launchFailed : success;
}
int cuEventSynchronize(Event* event) {
  called(__func__, static_cast<const void*>(event));
  std::lock_guard lock(mutex);
  return event->stream == nullptr || drain(*event->stream, event->position) ? success : launchFailed;
}
int cuEventQuery(Event* event) { return cuEventSynchronize(event); }
/** The emulated clock counts the kernels that a stream was given. */
int cuEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  *milliseconds = static_cast<float>(end->kernels - start->kernels);
  return success;
}
int cuStreamWaitEvent(Stream* stream, Event* event, unsigned) {
  called(__func__);
  std::lock_guard lock(mutex);
  if (event->stream == nullptr) return success;
  Stream& target = stream == nullptr ? defaultStream : *stream;
  if (event->recording != nullptr) {
    // A stream that waits for recorded work joins the recording; its nodes stay in the order of the calls.
    target.recording = event->recording;
    return success;
  }
  if (target.recording != nullptr || event->stream == &target) return success;
  return enqueue(&target, [from = event->stream, position = event->position] { return drain(*from, position); });
}

int cuStreamBeginCapture_v2(Stream* stream, int) {
  called(__func__);
  std::lock_guard lock(mutex);
  stream->recording = std::make_shared<Graph>();
  return success;
}
int cuStreamEndCapture(Stream* stream, Graph** graph) {
  std::lock_guard lock(mutex);
  if (stream->recording == nullptr) return invalidValue;
  const std::shared_ptr<Graph> recorded = stream->recording;
  for (Stream* other : streams)
    if (other->recording == recorded) other->recording = nullptr;
  *graph = new Graph(*recorded);
  return success;
}
int cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long) {
  called(__func__);
  *executable = new Graph(*graph);
  return success;
}
int cuGraphDestroy(Graph* graph) {
  delete graph;
  return success;
}
int cuGraphExecDestroy(Graph* executable) {
  std::lock_guard lock(mutex);
  drainAll();
  delete executable;
  return success;
}
int cuGraphUpload(Graph*, Stream*) { return success; }
int cuGraphLaunch(Graph* executable, Stream* stream) {
  called(__func__);
  std::lock_guard lock(mutex);
  return enqueue(stream, [nodes = executable->nodes] {
    for (const Work& work : nodes)
      if (!work()) return false;
    return true;
  });
}

}  // extern "C"
