#pragma once
#include <node_api.h>

#include <string>
#include <vector>

namespace apt3 {

/** Promises that threads of a backend settle. */
class Promises {
 public:
  /** A promise under way. */
  struct Pending;

  Promises(napi_env env, const char* name);
  ~Promises() { close(); }
  Promises(const Promises&) = delete;
  Promises& operator=(const Promises&) = delete;

  /** A promise for `pending`; `kept` stays alive until then, and so does the process. JavaScript's thread only. */
  napi_value create(napi_env env, const std::vector<napi_value>& kept, Pending*& pending);
  /** Resolves, or rejects with a failure that is not empty. Any thread. */
  void settle(Pending* pending, std::string failure);
  /** Settles nothing more; harmless when called again. JavaScript's thread only. */
  void close();

 private:
  static void onJavaScriptThread(napi_env env, napi_value, void* promises, void* pending);

  napi_threadsafe_function notify_ = nullptr;
  int pending_ = 0;
  bool open_ = true;
};

}  // namespace apt3
