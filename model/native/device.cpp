#include "device.h"

#include <utility>

#include "napi_values.h"

namespace apt3 {

Device::Device(napi_env env, const Operations& operations, int threads)
    : operations(operations), engine(threads), env_(env), promises_(env, "apt3 cpu backend") {
  check(env, napi_add_env_cleanup_hook(env, onEnvironmentExit, this));
}

Device::~Device() { shutdown(); }

void Device::shutdown() {
  if (!std::exchange(open_, false)) return;
  queue.stop();
  napi_remove_env_cleanup_hook(env_, onEnvironmentExit, this);
  promises_.close();
}

void Device::onEnvironmentExit(void* device) { static_cast<Device*>(device)->shutdown(); }

napi_value Device::promise(napi_env env, std::function<void()> work, const std::vector<napi_value>& kept) {
  Promises::Pending* pending = nullptr;
  napi_value promise = promises_.create(env, kept, pending);
  queue.result(std::move(work), [this, pending](std::string failure) { promises_.settle(pending, std::move(failure)); });
  return promise;
}

}  // namespace apt3
