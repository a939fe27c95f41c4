// Streams, events and graphs of the driver: that work keeps the order it was given, and that the CPU harness runs a
// stream no sooner than something waits for it, so that a forgotten wait shows.
#include "device.h"

namespace kernel_tests {
namespace {

using namespace apt3::cuda;
using Values = std::vector<float>;
using Handle = void*;

constexpr int size = 8;
constexpr size_t bytes = size * sizeof(float);

/** Enqueues to := from. */
void copy(const Matrix& from, const Matrix& to, Handle stream) {
  callDriver("cuMemcpyDtoDAsync_v2", to.address, from.address, bytes, stream);
}

Handle createStream() {
  Handle stream = nullptr;
  constexpr unsigned nonBlocking = 1;
  callDriver("cuStreamCreate", &stream, nonBlocking);
  return stream;
}

Handle createEvent() {
  Handle event = nullptr;
  constexpr unsigned withoutTiming = 2;
  callDriver("cuEventCreate", &event, withoutTiming);
  return event;
}

const Suite streams("driver streams", [] {
  Values first, second;
  const Matrix source = createRandom(Type::f32, 1, size, first);
  const Matrix middle = createRandom(Type::f32, 1, size, second);
  const Matrix target = create(Type::f32, 1, size);
  const Handle upload = createStream();
  const Handle compute = createStream();
  const Handle event = createEvent();
  copy(source, middle, upload);
  callDriver("cuEventRecord", event, upload);
  callDriver("cuStreamWaitEvent", compute, event, 0u);
  copy(middle, target, compute);
  callDriver("cuStreamSynchronize", compute);
  expectClose("a stream that waits for another's event sees its work", read(target), first, 0);
  if (!onHarness()) return;
  write(middle, second);
  copy(source, middle, upload);
  copy(middle, target, compute);
  callDriver("cuStreamSynchronize", compute);
  expectClose("a stream that does not wait runs first on the harness", read(target), second, 0);
});

const Suite graphs("driver graphs", [] {
  Values first, second;
  const Matrix source = createRandom(Type::f32, 1, size, first);
  const Matrix target = create(Type::f32, 1, size);
  const Matrix aside = create(Type::f32, 1, size);
  const Handle stream = createStream();
  const Handle side = createStream();
  const Handle fork = createEvent();
  const Handle join = createEvent();
  constexpr int relaxed = 2;
  callDriver("cuStreamBeginCapture_v2", stream, relaxed);
  callDriver("cuEventRecord", fork, stream);
  callDriver("cuStreamWaitEvent", side, fork, 0u);
  copy(source, aside, side);
  callDriver("cuEventRecord", join, side);
  callDriver("cuStreamWaitEvent", stream, join, 0u);
  copy(aside, target, stream);
  Handle graph = nullptr;
  callDriver("cuStreamEndCapture", stream, &graph);
  Handle executable = nullptr;
  callDriver("cuGraphInstantiateWithFlags", &executable, graph, 0ull);
  expectClose("recording runs nothing", read(target), Values(size), 0);
  callDriver("cuGraphLaunch", executable, stream);
  callDriver("cuStreamSynchronize", stream);
  expectClose("a recording of two streams", read(target), first, 0);
  second.assign(size, 3);
  write(source, second);
  callDriver("cuGraphLaunch", executable, stream);
  callDriver("cuStreamSynchronize", stream);
  expectClose("the same recording on other contents", read(target), second, 0);
  callDriver("cuGraphExecDestroy", executable);
  callDriver("cuGraphDestroy", graph);
});

}  // namespace
}  // namespace kernel_tests
