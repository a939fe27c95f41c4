#include "device.h"

#include <utility>

#include "napi_values.h"

namespace apt3 {

struct Device::Completion {
  napi_deferred deferred;
  std::vector<napi_ref> kept;
  std::string failure;
};

Device::Device(napi_env env, const Operations& operations, bool bf16Products, int threads)
    : operations(operations), engine(threads, bf16Products), env_(env) {
  napi_value name;
  check(env, napi_create_string_utf8(env, "apt3 cpu backend", NAPI_AUTO_LENGTH, &name));
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle,
                                             &notify_));
  // An idle backend must not keep the process alive; a pending promise does (see `promise`).
  check(env, napi_unref_threadsafe_function(env, notify_));
  check(env, napi_add_env_cleanup_hook(env, onEnvironmentExit, this));
}

Device::~Device() { shutdown(); }

void Device::shutdown() {
  if (!std::exchange(open_, false)) return;
  queue.stop();
  napi_remove_env_cleanup_hook(env_, onEnvironmentExit, this);
  napi_release_threadsafe_function(notify_, napi_tsfn_abort);
}

void Device::onEnvironmentExit(void* device) { static_cast<Device*>(device)->shutdown(); }

napi_value Device::promise(napi_env env, std::function<void()> work, std::vector<napi_value> kept) {
  if (!open_) throw std::runtime_error("the backend is closed");
  auto completion = std::make_unique<Completion>();
  napi_value promise;
  check(env, napi_create_promise(env, &completion->deferred, &promise));
  for (napi_value value : kept) {
    napi_ref reference;
    check(env, napi_create_reference(env, value, 1, &reference));
    completion->kept.push_back(reference);
  }
  if (pending_++ == 0) check(env, napi_ref_threadsafe_function(env, notify_));
  // A std::function must be copyable, so the completion is handed over as a plain pointer; `settle` owns it.
  queue.result(std::move(work), [this, own = completion.release()](std::string failure) {
    own->failure = std::move(failure);
    napi_call_threadsafe_function(notify_, own, napi_tsfn_nonblocking);
  });
  return promise;
}

void Device::settle(napi_env env, napi_value, void* context, void* data) {
  const std::unique_ptr<Completion> completion(static_cast<Completion*>(data));
  if (env == nullptr) return;  // The environment is going away, and its references with it.
  auto* device = static_cast<Device*>(context);
  if (--device->pending_ == 0) napi_unref_threadsafe_function(env, device->notify_);
  for (napi_ref reference : completion->kept) napi_delete_reference(env, reference);
  napi_value value;
  if (completion->failure.empty()) {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, completion->deferred, value);
    return;
  }
  napi_value message;
  napi_create_string_utf8(env, completion->failure.c_str(), NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, nullptr, message, &value);
  napi_reject_deferred(env, completion->deferred, value);
}

}  // namespace apt3
