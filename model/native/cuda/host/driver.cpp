#include "driver.h"

#include <dlfcn.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace apt3::cuda {
namespace {

std::unique_ptr<Driver> load(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    throw std::runtime_error("no NVIDIA driver: " + std::string(why == nullptr ? path : why));
  }
  auto driver = std::make_unique<Driver>();
#define APT3_RESOLVE(member, symbol, parameters)                                                 \
  driver->member = reinterpret_cast<Status(*) parameters>(dlsym(library, symbol));               \
  if (driver->member == nullptr) throw std::runtime_error("the NVIDIA driver is too old: it has no " symbol);
  APT3_DRIVER_FUNCTIONS(APT3_RESOLVE)
#undef APT3_RESOLVE
  driver->check(driver->init(0), "the NVIDIA driver cannot be used");
  return driver;
}

}  // namespace

const Driver& Driver::open(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Driver>> opened;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Driver>& driver = opened[path];
  if (driver == nullptr) driver = load(path);
  return *driver;
}

void Driver::check(Status status, const char* what) const {
  if (status == 0) return;
  const char* text = nullptr;
  if (errorString(status, &text) != 0 || text == nullptr) text = "unknown error";
  throw std::runtime_error(std::string(what) + ": " + text + " (CUDA error " + std::to_string(status) + ")");
}

}  // namespace apt3::cuda
