#include "gpu.h"

#include <algorithm>
#include <stdexcept>

namespace apt3::cuda {
namespace {

DeviceOrdinal ordinalOf(const Driver& driver, int index) {
  DeviceOrdinal device = 0;
  driver.check(driver.deviceGet(&device, index), "no such device");
  return device;
}

}  // namespace

DeviceFacts readFacts(const Driver& driver, int index) {
  const DeviceOrdinal device = ordinalOf(driver, index);
  const auto attribute = [&](Attribute which) {
    int value = 0;
    driver.check(driver.deviceAttribute(&value, which, device), "cuDeviceGetAttribute");
    return value;
  };
  char name[256] = {};
  driver.check(driver.deviceName(name, sizeof name, device), "cuDeviceGetName");
  size_t memory = 0;
  driver.check(driver.deviceMemory(&memory, device), "cuDeviceTotalMem");
  return {name, attribute(Attribute::capabilityMajor), attribute(Attribute::capabilityMinor),
          attribute(Attribute::multiprocessors), memory, static_cast<size_t>(attribute(Attribute::cacheBytes))};
}

Gpu::Gpu(const Driver& driver, int index, const std::vector<std::vector<char>>& images, std::shared_ptr<Unused> unused)
    : driver(driver), facts(readFacts(driver, index)), device_(ordinalOf(driver, index)), unused_(std::move(unused)) {
  // A thread that waits sleeps instead of spinning. Fails where another library has opened the context: no harm.
  driver.contextSetFlags(device_, contextBlockingSync);
  driver.check(driver.contextRetain(&context_, device_), "the device cannot be opened");
  try {
    makeCurrent();
    for (const std::vector<char>& image : images) {
      Module loaded = nullptr;
      driver.check(driver.moduleLoad(&loaded, image.data()), "the kernels do not run on this device with this driver");
      modules_.push_back(loaded);
    }
    driver.check(driver.streamCreate(&compute_, streamNonBlocking), "cuStreamCreate");
    driver.check(driver.streamCreate(&copies_, streamNonBlocking), "cuStreamCreate");
    staging_ = std::make_unique<Staging>(driver, copies_, compute_, allocateBytes(Staging::deviceBytes));
    pinned_ = std::make_unique<PinnedPieces>(driver);
  } catch (...) {
    close();
    throw;
  }
}

Gpu::~Gpu() { close(); }

void Gpu::close() noexcept {
  driver.contextSetCurrent(context_);
  if (compute_ != nullptr) driver.streamSynchronize(compute_);
  abortRecording();
  fastProducts_.reset();
  staging_.reset();
  pinned_.reset();
  for (const Event event : events_) driver.eventDestroy(event);
  for (const DeviceAddress address : allocations_) driver.free(address);
  if (copies_ != nullptr) driver.streamDestroy(copies_);
  if (compute_ != nullptr) driver.streamDestroy(compute_);
  for (const Module loaded : modules_) driver.moduleUnload(loaded);
  driver.contextSetCurrent(nullptr);
  driver.contextRelease(device_);
}

size_t Gpu::freeBytes() const {
  size_t free = 0, total = 0;
  driver.check(driver.memoryInfo(&free, &total), "cuMemGetInfo");
  return free;
}

void Gpu::releaseUnused() {
  for (const auto& [address, bytes] : unused_->take()) {
    driver.check(driver.free(address), "cuMemFree");  // Waits for the work that uses it.
    allocations_.erase(address);
    allocatedBytes_ -= bytes;
  }
}

DeviceAddress Gpu::allocateBytes(size_t bytes) {
  releaseUnused();
  DeviceAddress address = 0;
  const std::string what = "out of device memory: " + std::to_string(bytes) + " bytes more than " +
                           std::to_string(allocatedBytes_) + " cannot be allocated";
  driver.check(driver.allocate(&address, bytes), what.c_str());
  allocations_.insert(address);
  allocatedBytes_ += bytes;
  return address;
}

void Gpu::allocate(Block& block) {
  if (recording()) throw std::runtime_error("no buffer can be made while operations are recorded");
  block.address = allocateBytes(std::max<size_t>(block.bytes, 16));
  driver.check(driver.fill(block.address, 0, std::max<size_t>(block.bytes, 16), compute_), "cuMemset");
}

DeviceAddress Gpu::at(const Matrix& matrix, int64_t row) {
  if (matrix.block->address == 0) throw std::runtime_error("a buffer that could not be allocated");
  if (recording_ != nullptr) recording_->keep(matrix.block);
  return matrix.block->address + static_cast<size_t>(row * matrix.ld() * elementBytes(matrix.dtype));
}

DeviceAddress Gpu::scratch(Scratch which, size_t bytes) {
  std::shared_ptr<Block>& block = scratch_[static_cast<size_t>(which)];
  if (block == nullptr || block->bytes < bytes) {
    block.reset();
    block = std::make_shared<Block>(unused_, bytes);
    block->address = allocateBytes(bytes);
  }
  if (recording_ != nullptr) recording_->keep(block);
  return block->address;
}

std::shared_ptr<Block> Gpu::temporary(size_t bytes) {
  auto block = std::make_shared<Block>(unused_, bytes);
  allocate(*block);
  return block;
}

void Gpu::useFastProducts(const std::string& library, std::string choicesFile) {
  std::unique_ptr<CublasLt> opened = CublasLt::open(library);
  if (opened == nullptr) return;
  if (!choicesFile.empty()) choicesFile += "-cublaslt-" + std::to_string(opened->version()) + ".txt";
  fastProducts_.reset(new FastProducts{std::move(opened), ProductChoices(std::move(choicesFile))});
  scratch(Scratch::product, CublasLt::workspaceBytes);
}

float Gpu::time(const std::function<void()>& enqueue) {
  Event start = nullptr, end = nullptr;
  driver.check(driver.eventCreate(&start, eventBlockingSync), "cuEventCreate");
  driver.check(driver.eventCreate(&end, eventBlockingSync), "cuEventCreate");
  // Clearing it several times over empties the cache, as a step finds it, and takes the device longer than the host needs
  // to enqueue a product, which is tens of microseconds for cuBLASLt's.
  const std::shared_ptr<Block> flushed = temporary(2 * facts.cacheBytes);
  float best = 0;
  for (int run = 0; run < 4; run++) {  // The first one warms up.
    for (int time = 0; time < 4; time++) {
      driver.check(driver.fill(flushed->address, 0, flushed->bytes, compute_), "cuMemset");
    }
    driver.check(driver.eventRecord(start, compute_), "cuEventRecord");
    enqueue();
    driver.check(driver.eventRecord(end, compute_), "cuEventRecord");
    driver.check(driver.eventSynchronize(end), "the device failed");
    float milliseconds = 0;
    driver.check(driver.eventElapsed(&milliseconds, start, end), "cuEventElapsedTime");
    if (run == 1 || (run > 1 && milliseconds < best)) best = milliseconds;
  }
  driver.eventDestroy(start);
  driver.eventDestroy(end);
  return best;
}

Event Gpu::mark() {
  Event event = nullptr;
  {
    const std::lock_guard lock(eventsMutex_);
    if (!events_.empty()) {
      event = events_.back();
      events_.pop_back();
    }
  }
  if (event == nullptr) {
    driver.check(driver.eventCreate(&event, eventBlockingSync | eventDisableTiming), "cuEventCreate");
  }
  driver.check(driver.eventRecord(event, compute_), "cuEventRecord");
  return event;
}

void Gpu::recycle(Event event) {
  const std::lock_guard lock(eventsMutex_);
  events_.push_back(event);
}

Function Gpu::find(const char* kernel) const {
  Function function = nullptr;
  for (const Module loaded : modules_) {
    if (driver.moduleFunction(&function, loaded, kernel) == 0) return function;
  }
  throw std::runtime_error(std::string(kernel) + ": no such kernel");
}

Function Gpu::functionOf(const Kernel& kernel, unsigned shared) {
  auto found = functions_.find(kernel.name);
  if (found == functions_.end()) {
    found = functions_.emplace(kernel.name, Loaded{find(kernel.name), 48 << 10}).first;
  }
  Loaded& loaded = found->second;
  if (shared > loaded.sharedLimit) {  // More than 48 KB must be asked for.
    const int bytes = static_cast<int>(shared);
    driver.check(driver.functionSetAttribute(loaded.function, functionMaxDynamicShared, bytes), kernel.name);
    loaded.sharedLimit = shared;
  }
  return loaded.function;
}

void Gpu::launchBytes(const Kernel& kernel, Grid grid, void* parameters, unsigned shared) {
  constexpr int64_t maxX = 2147483647, maxYZ = 65535;
  if (grid.x < 1 || grid.y < 1 || grid.z < 1) return;  // Nothing to do.
  if (grid.x > maxX || grid.y > maxYZ || grid.z > maxYZ) {
    throw std::runtime_error(std::string(kernel.name) + ": the matrix is too large");
  }
  void* all[] = {parameters};
  driver.check(driver.launch(functionOf(kernel, shared), static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                             static_cast<unsigned>(grid.z), kernel.threads, 1, 1, shared, compute_, all, nullptr),
               kernel.name);
}

void Gpu::beginRecording() {
  recorded_.reset();
  driver.check(driver.captureBegin(compute_, captureRelaxed), "cuStreamBeginCapture");
  recording_ = std::make_unique<Recording>(driver);
}

void Gpu::endRecording() {
  if (recording_ == nullptr) throw std::runtime_error("nothing is being recorded");
  std::unique_ptr<Recording> recording = std::move(recording_);
  Graph graph = nullptr;
  driver.check(driver.captureEnd(compute_, &graph), "cuStreamEndCapture");
  recording->instantiate(graph);
  recorded_ = std::move(recording);
}

void Gpu::abortRecording() noexcept {
  recorded_.reset();
  if (recording_ == nullptr) return;
  recording_.reset();
  Graph graph = nullptr;
  driver.captureEnd(compute_, &graph);
  if (graph != nullptr) driver.graphDestroy(graph);
}

void Gpu::replay() {
  if (recorded_ == nullptr) throw std::runtime_error("nothing was recorded");
  recorded_->launch(compute_);
}

}  // namespace apt3::cuda
