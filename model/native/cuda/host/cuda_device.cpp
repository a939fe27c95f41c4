#include "cuda_device.h"

#include <stdexcept>
#include <utility>

#include "../../napi_values.h"

namespace apt3::cuda {

CudaDevice::CudaDevice(napi_env env, std::string library, int index, std::vector<std::vector<char>> images,
                       std::string fastLibrary, std::string choicesFile)
    : env_(env), promises_(env, "apt3 cuda backend") {
  check(env, napi_add_env_cleanup_hook(env, onEnvironmentExit, this));
  waiter_ = std::thread([this] { waitForArrivals(); });
  queue_.enqueue([this, library = std::move(library), index, images = std::move(images), fastLibrary = std::move(fastLibrary),
                  choicesFile = std::move(choicesFile)] {
    gpu_ = std::make_unique<Gpu>(Driver::open(library), index, images, unused_);
    if (fastLibrary != "none") gpu_->useFastProducts(fastLibrary, choicesFile);
  });
}

CudaDevice::~CudaDevice() { shutdown(); }

void CudaDevice::shutdown() {
  if (!std::exchange(open_, false)) return;
  queue_.stop();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  waiter_.join();
  gpu_.reset();
  napi_remove_env_cleanup_hook(env_, onEnvironmentExit, this);
  promises_.close();
}

void CudaDevice::onEnvironmentExit(void* device) { static_cast<CudaDevice*>(device)->shutdown(); }

void CudaDevice::enqueue(std::function<void(Gpu&)> work) {
  if (!open_) throw std::runtime_error("the backend is closed");
  queue_.enqueue([this, work = std::move(work)] {
    if (gpu_ == nullptr) throw std::runtime_error("the device could not be opened");
    try {
      work(*gpu_);
    } catch (...) {
      gpu_->abortRecording();
      throw;
    }
  });
}

napi_value CudaDevice::promise(napi_env env, std::function<std::function<void()>(Gpu&)> work,
                               const std::vector<napi_value>& kept) {
  Promises::Pending* pending = nullptr;
  napi_value promise = promises_.create(env, kept, pending);
  auto arrival = std::make_shared<Arrival>();
  const auto begin = [this, work = std::move(work), arrival] {
    if (gpu_ == nullptr) throw std::runtime_error("the device could not be opened");
    arrival->finish = work(*gpu_);
    arrival->event = gpu_->mark();
  };
  queue_.result(begin, [this, pending, arrival](std::string failure) {
    if (!failure.empty()) return promises_.settle(pending, std::move(failure));
    {
      const std::lock_guard lock(mutex_);
      awaited_.push_back({std::move(*arrival), pending});
    }
    changed_.notify_one();
  });
  return promise;
}

void CudaDevice::waitForArrivals() {
  for (;;) {
    Awaited next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !awaited_.empty(); });
      if (awaited_.empty()) return;
      next = std::move(awaited_.front());
      awaited_.pop_front();
    }
    std::string failure;
    try {
      gpu_->makeCurrent();
      gpu_->driver.check(gpu_->driver.eventSynchronize(next.arrival.event), "the device failed");
      next.arrival.finish();
    } catch (const std::exception& error) {
      failure = error.what();
    }
    gpu_->recycle(next.arrival.event);
    next.arrival.finish = nullptr;
    promises_.settle(next.pending, std::move(failure));
  }
}

std::shared_ptr<Block> CudaDevice::allocate(size_t bytes) {
  auto block = std::make_shared<Block>(unused_, bytes);
  enqueue([block](Gpu& gpu) { gpu.allocate(*block); });
  return block;
}

}  // namespace apt3::cuda
