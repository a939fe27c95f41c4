#include "promises.h"

#include <memory>
#include <utility>

#include "napi_values.h"

namespace apt3 {

struct Promises::Pending {
  napi_deferred deferred;
  std::vector<napi_ref> kept;
  std::string failure;
};

Promises::Promises(napi_env env, const char* name) {
  napi_value text;
  check(env, napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &text));
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, text, 0, 1, nullptr, nullptr, this,
                                             onJavaScriptThread, &notify_));
  // An idle backend must not keep the process alive; a pending promise does (see `create`).
  check(env, napi_unref_threadsafe_function(env, notify_));
}

void Promises::close() {
  if (std::exchange(open_, false)) napi_release_threadsafe_function(notify_, napi_tsfn_abort);
}

napi_value Promises::create(napi_env env, const std::vector<napi_value>& kept, Pending*& pending) {
  if (!open_) throw std::runtime_error("the backend is closed");
  auto made = std::make_unique<Pending>();
  napi_value promise;
  check(env, napi_create_promise(env, &made->deferred, &promise));
  for (napi_value value : kept) {
    napi_ref reference;
    check(env, napi_create_reference(env, value, 1, &reference));
    made->kept.push_back(reference);
  }
  if (pending_++ == 0) check(env, napi_ref_threadsafe_function(env, notify_));
  // A std::function must be copyable, so what is pending is handed over as a plain pointer; the callback below owns it.
  pending = made.release();
  return promise;
}

void Promises::settle(Pending* pending, std::string failure) {
  pending->failure = std::move(failure);
  napi_call_threadsafe_function(notify_, pending, napi_tsfn_nonblocking);
}

void Promises::onJavaScriptThread(napi_env env, napi_value, void* context, void* data) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  if (env == nullptr) return;  // The environment is going away, and its references with it.
  auto* promises = static_cast<Promises*>(context);
  if (--promises->pending_ == 0) napi_unref_threadsafe_function(env, promises->notify_);
  for (napi_ref reference : pending->kept) napi_delete_reference(env, reference);
  napi_value value;
  if (pending->failure.empty()) {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, pending->deferred, value);
    return;
  }
  napi_value message;
  napi_create_string_utf8(env, pending->failure.c_str(), NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, nullptr, message, &value);
  napi_reject_deferred(env, pending->deferred, value);
}

}  // namespace apt3
