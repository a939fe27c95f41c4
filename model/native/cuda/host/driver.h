#pragma once
#include <cstddef>
#include <string>

#include "../kernels.h"

namespace apt3::cuda {

// What this needs of the CUDA driver API (cuda.h), declared here so that building takes no CUDA toolkit. Handles are
// opaque pointers; names and values are those of the driver's documentation.
using Status = int;
using DeviceOrdinal = int;
using Context = struct OpaqueContext*;
using Module = struct OpaqueModule*;
using Function = struct OpaqueFunction*;
using Stream = struct OpaqueStream*;
using Event = struct OpaqueEvent*;
using Graph = struct OpaqueGraph*;
using GraphExec = struct OpaqueGraphExec*;

enum class Attribute : int { multiprocessors = 16, cacheBytes = 38, capabilityMajor = 75, capabilityMinor = 76 };
constexpr int functionMaxDynamicShared = 8;
constexpr unsigned contextBlockingSync = 4;
constexpr unsigned streamNonBlocking = 1;
constexpr unsigned eventBlockingSync = 1;
constexpr unsigned eventDisableTiming = 2;
constexpr int captureRelaxed = 2;

/** X(member, symbol, parameters): every function that is taken from the driver library. All return a CUresult. */
#define APT3_DRIVER_FUNCTIONS(X)                                                                                   \
  X(init, "cuInit", (unsigned flags))                                                                              \
  X(driverVersion, "cuDriverGetVersion", (int* version))                                                           \
  X(errorString, "cuGetErrorString", (Status status, const char** text))                                           \
  X(deviceCount, "cuDeviceGetCount", (int* count))                                                                 \
  X(deviceGet, "cuDeviceGet", (DeviceOrdinal * device, int index))                                                 \
  X(deviceName, "cuDeviceGetName", (char* name, int length, DeviceOrdinal device))                                 \
  X(deviceAttribute, "cuDeviceGetAttribute", (int* value, Attribute attribute, DeviceOrdinal device))              \
  X(deviceMemory, "cuDeviceTotalMem_v2", (size_t* bytes, DeviceOrdinal device))                                    \
  X(contextRetain, "cuDevicePrimaryCtxRetain", (Context * context, DeviceOrdinal device))                          \
  X(contextRelease, "cuDevicePrimaryCtxRelease_v2", (DeviceOrdinal device))                                        \
  X(contextSetFlags, "cuDevicePrimaryCtxSetFlags_v2", (DeviceOrdinal device, unsigned flags))                      \
  X(contextSetCurrent, "cuCtxSetCurrent", (Context context))                                                       \
  X(memoryInfo, "cuMemGetInfo_v2", (size_t* free, size_t* total))                                                  \
  X(moduleLoad, "cuModuleLoadData", (Module * module, const void* image))                                          \
  X(moduleUnload, "cuModuleUnload", (Module module))                                                               \
  X(moduleFunction, "cuModuleGetFunction", (Function * function, Module module, const char* name))                 \
  X(functionSetAttribute, "cuFuncSetAttribute", (Function function, int attribute, int value))                     \
  X(allocate, "cuMemAlloc_v2", (DeviceAddress * address, size_t bytes))                                            \
  X(free, "cuMemFree_v2", (DeviceAddress address))                                                                 \
  X(hostAllocate, "cuMemHostAlloc", (void** address, size_t bytes, unsigned flags))                                \
  X(hostFree, "cuMemFreeHost", (void* address))                                                                    \
  X(copyToDevice, "cuMemcpyHtoDAsync_v2", (DeviceAddress to, const void* from, size_t bytes, Stream stream))       \
  X(copyToHost, "cuMemcpyDtoHAsync_v2", (void* to, DeviceAddress from, size_t bytes, Stream stream))               \
  X(copyOnDevice, "cuMemcpyDtoDAsync_v2", (DeviceAddress to, DeviceAddress from, size_t bytes, Stream stream))     \
  X(fill, "cuMemsetD8Async", (DeviceAddress to, unsigned char value, size_t bytes, Stream stream))                 \
  X(streamCreate, "cuStreamCreate", (Stream * stream, unsigned flags))                                             \
  X(streamDestroy, "cuStreamDestroy_v2", (Stream stream))                                                          \
  X(streamSynchronize, "cuStreamSynchronize", (Stream stream))                                                     \
  X(streamWait, "cuStreamWaitEvent", (Stream stream, Event event, unsigned flags))                                 \
  X(eventCreate, "cuEventCreate", (Event * event, unsigned flags))                                                 \
  X(eventDestroy, "cuEventDestroy_v2", (Event event))                                                              \
  X(eventRecord, "cuEventRecord", (Event event, Stream stream))                                                    \
  X(eventSynchronize, "cuEventSynchronize", (Event event))                                                         \
  X(eventElapsed, "cuEventElapsedTime", (float* milliseconds, Event start, Event end))                             \
  X(launch, "cuLaunchKernel",                                                                                      \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,          \
     unsigned blockZ, unsigned sharedBytes, Stream stream, void** parameters, void** extra))                       \
  X(captureBegin, "cuStreamBeginCapture_v2", (Stream stream, int mode))                                            \
  X(captureEnd, "cuStreamEndCapture", (Stream stream, Graph * graph))                                              \
  X(graphInstantiate, "cuGraphInstantiateWithFlags", (GraphExec * exec, Graph graph, unsigned long long flags))    \
  X(graphLaunch, "cuGraphLaunch", (GraphExec exec, Stream stream))                                                 \
  X(graphExecDestroy, "cuGraphExecDestroy", (GraphExec exec))                                                      \
  X(graphDestroy, "cuGraphDestroy", (Graph graph))

/** The driver library, opened at run time. */
struct Driver {
#define APT3_DECLARE(member, symbol, parameters) Status(*member) parameters = nullptr;
  APT3_DRIVER_FUNCTIONS(APT3_DECLARE)
#undef APT3_DECLARE

  /**
   * Opens and initializes a driver library, once for each path; it stays loaded until the process ends.
   * @throws std::runtime_error with the reason for the user if it is not there, too old, or finds no device
   */
  static const Driver& open(const std::string& path);

  /** Throws what the driver says of a status other than success. */
  void check(Status status, const char* what) const;
};

}  // namespace apt3::cuda
