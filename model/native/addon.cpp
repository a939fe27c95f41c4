// The native side of model/backends/cpu.ts, and the way in to that of model/backends/cuda.ts. Every operation takes the
// device first and then what its C++ function takes; it is put on the device's queue and returns at once.
#include <node_api.h>

#include <cstring>
#include <utility>

#include "calls.h"
#include "cuda/host/cuda_addon.h"
#include "device.h"

namespace apt3 {
namespace {

/** Tells the garbage collector how much memory hangs on a handle. */
void adjustMemory(napi_env env, int64_t bytes) {
  int64_t total;
  napi_adjust_external_memory(env, bytes, &total);
}

void finalizeBuffer(napi_env env, void* data, void*) {
  auto* buffer = static_cast<Buffer*>(data);
  if (buffer->present()) adjustMemory(env, -static_cast<int64_t>(buffer->storage->bytes()));
  delete buffer;
}

struct InstructionSet {
  const char* name;
  const Operations* operations;
  bool available;
};

/** What this processor can run, worst first. */
std::vector<InstructionSet> instructionSets() {
  std::vector<InstructionSet> sets = {{"plain", &plainOperations, true}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  sets.push_back({"avx2", &avx2Operations, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")});
  sets.push_back({"avx512", &avx512Operations, avx512});
  sets.push_back({"avx512bf16", &avx512bf16Operations, avx512 && __builtin_cpu_supports("avx512bf16")});
#endif
  return sets;
}

/** instructionSets(): the names of those that can run here, worst first. */
napi_value listInstructionSets(napi_env env, napi_callback_info) {
  return guarded(env, [&] {
    napi_value names;
    check(env, napi_create_array(env, &names));
    uint32_t count = 0;
    for (const InstructionSet& set : instructionSets()) {
      if (!set.available) continue;
      napi_value name;
      check(env, napi_create_string_utf8(env, set.name, NAPI_AUTO_LENGTH, &name));
      check(env, napi_set_element(env, names, count++, name));
    }
    return names;
  });
}

/** open(instructionSet, threads): a device. */
napi_value open(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> arguments(env, info);
    std::string wanted;
    int64_t threads = 1;
    decode(env, arguments.values[0], wanted);
    decode(env, arguments.values[1], threads);
    for (const InstructionSet& set : instructionSets()) {
      if (!set.available || wanted != set.name) continue;
      return externalOf(env, std::make_unique<Device>(env, *set.operations, static_cast<int>(threads)));
    }
    throw std::runtime_error("this processor cannot run " + wanted);
  });
}

/** create(dtype, rows, columns): a buffer of zeros. */
napi_value create(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> arguments(env, info);
    auto buffer = std::make_unique<Buffer>();
    decode(env, arguments.values[0], buffer->dtype);
    decode(env, arguments.values[1], buffer->rows);
    decode(env, arguments.values[2], buffer->columns);
    const int64_t bytes = buffer->size() * elementBytes(buffer->dtype);
    buffer->storage = std::make_shared<Storage>(static_cast<size_t>(bytes));
    napi_value value;
    check(env, napi_create_external(env, buffer.get(), finalizeBuffer, nullptr, &value));
    buffer.release();
    adjustMemory(env, bytes);
    return value;
  });
}

/** free(buffer): gives the memory back as soon as no queued work needs it. */
napi_value freeBuffer(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<1> arguments(env, info);
    auto* buffer = externalValue<Buffer>(env, arguments.values[0]);
    if (!buffer->present()) return nullptr;
    adjustMemory(env, -static_cast<int64_t>(buffer->storage->bytes()));
    buffer->storage.reset();
    return nullptr;
  });
}

/** write(device, buffer, values): copies the values now, and into the buffer when its turn comes. */
napi_value write(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<3> arguments(env, info);
    auto* device = externalValue<Device>(env, arguments.values[0]);
    Buffer to;
    decode(env, arguments.values[1], to);
    const TypedArray values = typedArray(env, arguments.values[2], to.size());
    const size_t bytes = values.elements * 4;
    Buffer copy = to;
    if (copy.dtype == DType::bf16) copy.dtype = DType::f32;
    copy.storage = std::make_shared<Storage>(bytes);
    if (bytes > 0) std::memcpy(copy.storage->data(), values.data, bytes);
    device->queue.enqueue([device, copy, to, bytes] {
      if (copy.dtype == to.dtype) {
        std::memcpy(to.storage->data(), copy.storage->data(), bytes);
      } else {
        device->operations.convert(device->engine, copy, 0, to, 0, to.rows);
      }
    });
    return nullptr;
  });
}

/** read(device, buffer, floats): a promise for the moment when the floats have been filled. */
napi_value read(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> arguments(env, info);
    auto* device = externalValue<Device>(env, arguments.values[0]);
    Buffer from;
    decode(env, arguments.values[1], from);
    const TypedArray values = typedArray(env, arguments.values[2], from.size());
    const auto work = [device, from, values] {
      const size_t bytes = values.elements * 4;
      if (from.dtype != DType::bf16) {
        std::memcpy(values.data, from.storage->data(), bytes);
        return;
      }
      Buffer wide = from;
      wide.dtype = DType::f32;
      wide.storage = std::make_shared<Storage>(bytes);
      device->operations.convert(device->engine, from, 0, wide, 0, from.rows);
      std::memcpy(values.data, wide.storage->data(), bytes);
    };
    return device->promise(env, work, {arguments.values[0], arguments.values[2]});
  });
}

/** finish(device): a promise for the end of all work so far. */
napi_value finish(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<1> arguments(env, info);
    auto* device = externalValue<Device>(env, arguments.values[0]);
    return device->promise(env, [] {}, {arguments.values[0]});
  });
}

/** shutdown(device): ends its threads. */
napi_value shutdown(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<1> arguments(env, info);
    externalValue<Device>(env, arguments.values[0])->shutdown();
    return nullptr;
  });
}

/** workspaceBytes(device, shape): a number. */
napi_value workspaceBytes(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> arguments(env, info);
    auto* device = externalValue<Device>(env, arguments.values[0]);
    AttentionShape shape;
    decode(env, arguments.values[1], shape);
    const int64_t bytes = device->operations.workspaceBytes(shape, device->engine.pool.threads());
    napi_value value;
    check(env, napi_create_int64(env, bytes, &value));
    return value;
  });
}

/** zero(device, buffer). */
napi_value zero(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const Arguments<2> arguments(env, info);
    auto* device = externalValue<Device>(env, arguments.values[0]);
    Buffer buffer;
    decode(env, arguments.values[1], buffer);
    device->queue.enqueue([buffer] {
      std::memset(buffer.storage->data(), 0, static_cast<size_t>(buffer.size() * elementBytes(buffer.dtype)));
    });
    return nullptr;
  });
}

/** A native function that enqueues one entry of the table of operations, its arguments decoded by their types. */
template <auto operation>
struct Enqueue;

template <class... Parameters, void (*Operations::*operation)(Engine&, Parameters...)>
struct Enqueue<operation> {
  static napi_value call(napi_env env, napi_callback_info info) {
    return decodeCall<Device, Parameters...>(env, info, [](Device* device, auto decoded) {
      device->queue.enqueue([device, decoded = std::move(decoded)] {
        const auto run = [&](const auto&... arguments) {
          (device->operations.*operation)(device->engine, arguments...);
        };
        std::apply(run, decoded);
      });
    });
  }
};

napi_value initialize(napi_env env, napi_value exports) {
  return guarded(env, [&] {
    defineFunctions(env, exports, {
        {"instructionSets", listInstructionSets},
        {"open", open},
        {"create", create},
        {"free", freeBuffer},
        {"write", write},
        {"read", read},
        {"finish", finish},
        {"shutdown", shutdown},
        {"workspaceBytes", workspaceBytes},
        {"zero", zero},
        {"copy", Enqueue<&Operations::convert>::call},
        {"embedding", Enqueue<&Operations::embedding>::call},
        {"embeddingBackward", Enqueue<&Operations::embeddingBackward>::call},
        {"rmsNorm", Enqueue<&Operations::rmsNorm>::call},
        {"rmsNormBackward", Enqueue<&Operations::rmsNormBackward>::call},
        {"matmul", Enqueue<&Operations::matmul>::call},
        {"rope", Enqueue<&Operations::rope>::call},
        {"attention", Enqueue<&Operations::attention>::call},
        {"attentionBackward", Enqueue<&Operations::attentionBackward>::call},
        {"cachedAttention", Enqueue<&Operations::cachedAttention>::call},
        {"swiglu", Enqueue<&Operations::swiglu>::call},
        {"swigluBackward", Enqueue<&Operations::swigluBackward>::call},
        {"matmulSwiglu", Enqueue<&Operations::matmulSwiglu>::call},
        {"matmulSwigluBackward", Enqueue<&Operations::matmulSwigluBackward>::call},
        {"crossEntropy", Enqueue<&Operations::crossEntropy>::call},
        {"squaredNorm", Enqueue<&Operations::squaredNorm>::call},
        {"peakProducts", Enqueue<&Operations::peakProducts>::call},
        {"adamw", Enqueue<&Operations::adamw>::call},
    });
    check(env, napi_set_named_property(env, exports, "cuda", cuda::exportsOf(env)));
    return exports;
  });
}

}  // namespace
}  // namespace apt3

NAPI_MODULE_INIT() { return apt3::initialize(env, exports); }
