#include "cuda_addon.h"

#include <cstring>
#include <utility>

#include "../../calls.h"
#include "cuda_device.h"
#include "operations.h"
#include "transfer.h"

namespace apt3::cuda {

using apt3::decode;

/** `undefined` is an absent matrix. */
static void decode(napi_env env, napi_value value, Matrix& to) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  if (type == napi_undefined) return;
  const auto* matrix = externalValue<Matrix>(env, value);
  if (!matrix->present()) throw std::runtime_error("a buffer that has been freed");
  to = *matrix;
}

/** The bytes of a Uint8Array. */
static void decode(napi_env env, napi_value value, std::vector<char>& to) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  check(env, napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr));
  if (type != napi_uint8_array) throw std::runtime_error("expected bytes");
  const auto* bytes = static_cast<const char*>(data);
  to.assign(bytes, bytes + length);
}

namespace {

napi_value number(napi_env env, double value) {
  napi_value made;
  check(env, napi_create_double(env, value, &made));
  return made;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value));
}

/** probe(library): {driverVersion, devices}, or an exception whose message is the reason. */
napi_value probe(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<1> arguments(env, info);
    std::string library;
    decode(env, arguments.values[0], library);
    const Driver& driver = Driver::open(library);
    int version = 0, count = 0;
    driver.check(driver.driverVersion(&version), "cuDriverGetVersion");
    driver.check(driver.deviceCount(&count), "cuDeviceGetCount");
    napi_value result, devices;
    check(env, napi_create_object(env, &result));
    check(env, napi_create_array(env, &devices));
    for (int index = 0; index < count; index++) {
      const DeviceFacts facts = readFacts(driver, index);
      napi_value device, name;
      check(env, napi_create_object(env, &device));
      check(env, napi_create_string_utf8(env, facts.name.c_str(), NAPI_AUTO_LENGTH, &name));
      set(env, device, "name", name);
      set(env, device, "capabilityMajor", number(env, facts.capabilityMajor));
      set(env, device, "capabilityMinor", number(env, facts.capabilityMinor));
      set(env, device, "multiprocessors", number(env, facts.multiprocessors));
      set(env, device, "memoryBytes", number(env, static_cast<double>(facts.memoryBytes)));
      check(env, napi_set_element(env, devices, static_cast<uint32_t>(index), device));
    }
    set(env, result, "driverVersion", number(env, version));
    set(env, result, "devices", devices);
    return result;
  });
}

/** open(library, index, images, fastLibrary, choicesFile): a device. Whether that works is told by the first promise. */
napi_value open(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<5> arguments(env, info);
    std::string library, fastLibrary, choicesFile;
    int64_t index = 0;
    decode(env, arguments.values[0], library);
    decode(env, arguments.values[1], index);
    decode(env, arguments.values[3], fastLibrary);
    decode(env, arguments.values[4], choicesFile);
    std::vector<std::vector<char>> images;
    uint32_t count = 0;
    check(env, napi_get_array_length(env, arguments.values[2], &count));
    images.resize(count);
    for (uint32_t i = 0; i < count; i++) {
      napi_value image;
      check(env, napi_get_element(env, arguments.values[2], i, &image));
      decode(env, image, images[i]);
    }
    return externalOf(env, std::make_unique<CudaDevice>(env, std::move(library), static_cast<int>(index),
                                                        std::move(images), std::move(fastLibrary),
                                                        std::move(choicesFile)));
  });
}

/** create(device, dtype, rows, columns): a buffer of zeros. */
napi_value create(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<4> arguments(env, info);
    auto* device = externalValue<CudaDevice>(env, arguments.values[0]);
    auto matrix = std::make_unique<Matrix>();
    decode(env, arguments.values[1], matrix->dtype);
    decode(env, arguments.values[2], matrix->rows);
    decode(env, arguments.values[3], matrix->columns);
    matrix->block = device->allocate(matrix->bytes());
    return externalOf(env, std::move(matrix));
  });
}

/** free(buffer): gives the memory back as soon as no enqueued work needs it. */
napi_value freeBuffer(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<1> arguments(env, info);
    externalValue<Matrix>(env, arguments.values[0])->block.reset();
    return nullptr;
  });
}

/** write(device, buffer, values): copies the values now, and into the buffer when its turn comes. */
napi_value write(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<3> arguments(env, info);
    auto* device = externalValue<CudaDevice>(env, arguments.values[0]);
    Matrix to;
    decode(env, arguments.values[1], to);
    const TypedArray values = typedArray(env, arguments.values[2], to.size());
    std::vector<uint32_t> words(values.elements);
    if (!words.empty()) std::memcpy(words.data(), values.data, words.size() * sizeof(uint32_t));
    device->enqueue([to, words = std::move(words)](Gpu& gpu) { writeMatrix(gpu, to, words); });
    return nullptr;
  });
}

/** read(device, buffer, floats): a promise for the moment when the floats have been filled. */
napi_value read(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> arguments(env, info);
    auto* device = externalValue<CudaDevice>(env, arguments.values[0]);
    Matrix from;
    decode(env, arguments.values[1], from);
    const TypedArray values = typedArray(env, arguments.values[2], from.size());
    const auto work = [from, to = static_cast<float*>(values.data)](Gpu& gpu) { return readMatrix(gpu, from, to); };
    return device->promise(env, work, {arguments.values[0], arguments.values[2]});
  });
}

/** finish(device, floats): a promise for the end of all work so far; [free bytes, allocated bytes, cuBLASLt's version]. */
napi_value finish(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> arguments(env, info);
    auto* device = externalValue<CudaDevice>(env, arguments.values[0]);
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    check(env, napi_get_typedarray_info(env, arguments.values[1], &type, &length, &data, nullptr, nullptr));
    if (type != napi_float64_array || length < 3) throw std::runtime_error("expected three numbers");
    const auto work = [to = static_cast<double*>(data)](Gpu& gpu) {
      to[0] = static_cast<double>(gpu.freeBytes());
      to[1] = static_cast<double>(gpu.allocatedBytes());
      const FastProducts* fast = gpu.fastProducts();
      to[2] = fast == nullptr ? 0 : static_cast<double>(fast->library->version());
      return [] {};
    };
    return device->promise(env, work, {arguments.values[0], arguments.values[1]});
  });
}

/** shutdown(device): ends its threads and gives its memory back. */
napi_value shutdown(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<1> arguments(env, info);
    externalValue<CudaDevice>(env, arguments.values[0])->shutdown();
    return nullptr;
  });
}

/** zero(device, buffer). */
void zero(Gpu& gpu, const Matrix& matrix) {
  const size_t bytes = static_cast<size_t>(matrix.padded() * elementBytes(matrix.dtype));
  if (bytes > 0) gpu.driver.check(gpu.driver.fill(gpu.at(matrix), 0, bytes, gpu.compute()), "cuMemset");
  if (matrix.dtype == DType::i32) matrix.block->written = Range{0, 0};
}

void beginRecording(Gpu& gpu) { gpu.beginRecording(); }
void endRecording(Gpu& gpu) { gpu.endRecording(); }
void replay(Gpu& gpu) { gpu.replay(); }

/** A native function that enqueues one operation, its arguments behind the device decoded by their types. */
template <auto operation>
struct Enqueue;

template <class... Parameters, void (*operation)(Gpu&, Parameters...)>
struct Enqueue<operation> {
  static napi_value call(napi_env env, napi_callback_info info) {
    return decodeCall<CudaDevice, Parameters...>(env, info, [](CudaDevice* device, auto decoded) {
      device->enqueue([decoded = std::move(decoded)](Gpu& gpu) {
        std::apply([&](const auto&... arguments) { operation(gpu, arguments...); }, decoded);
      });
    });
  }
};

}  // namespace

napi_value exportsOf(napi_env env) {
  napi_value exports;
  check(env, napi_create_object(env, &exports));
  defineFunctions(env, exports, {
      {"probe", probe},
      {"open", open},
      {"create", create},
      {"free", freeBuffer},
      {"write", write},
      {"read", read},
      {"finish", finish},
      {"shutdown", shutdown},
      {"zero", Enqueue<&zero>::call},
      {"beginRecording", Enqueue<&beginRecording>::call},
      {"endRecording", Enqueue<&endRecording>::call},
      {"replay", Enqueue<&replay>::call},
      {"copy", Enqueue<&operations::convert>::call},
      {"embedding", Enqueue<&operations::embedding>::call},
      {"embeddingBackward", Enqueue<&operations::embeddingBackward>::call},
      {"rmsNorm", Enqueue<&operations::rmsNorm>::call},
      {"rmsNormBackward", Enqueue<&operations::rmsNormBackward>::call},
      {"matmul", Enqueue<&operations::matmul>::call},
      {"matmulSwiglu", Enqueue<&operations::matmulSwiglu>::call},
      {"matmulSwigluBackward", Enqueue<&operations::matmulSwigluBackward>::call},
      {"rope", Enqueue<&operations::rope>::call},
      {"attention", Enqueue<&operations::attention>::call},
      {"attentionBackward", Enqueue<&operations::attentionBackward>::call},
      {"cachedAttention", Enqueue<&operations::cachedAttention>::call},
      {"swiglu", Enqueue<&operations::swiglu>::call},
      {"swigluBackward", Enqueue<&operations::swigluBackward>::call},
      {"crossEntropy", Enqueue<&operations::crossEntropy>::call},
      {"squaredNorm", Enqueue<&operations::squaredNorm>::call},
      {"adamw", Enqueue<&operations::adamw>::call},
  });
  return exports;
}

}  // namespace apt3::cuda
