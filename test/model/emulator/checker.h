#pragma once
/**
 * What the checked build looks at: every access of a kernel to shared and device memory (see checker.cpp). In the fast
 * build nothing.
 */
#include "block.h"
#include "device_memory.h"

namespace emulator::checker {

#if defined(APT3_CHECKED)

void startLaunch(const Launch& launch);
void endBlock();
/** Its memory goes. */
void forgetAllocation(const Allocation* allocation);
/** All of the block's shared memory is unwritten. */
void startBlock(const unsigned char* shared, unsigned bytes);
/** The warp reads these 32 rows of 16 bytes, each on behalf of its lane. */
void loadMatrixRows(const unsigned char* const* rows);
/** The running thread starts a copy; its target may not be touched before it is finished. */
void startCopy(const unsigned char* shared, const void* global, int bytes, int size);
void finishCopy(const unsigned char* shared, int size);
/** The warp passed a collective: what its lanes did since the last one were the same instructions. */
void passCollective(int warp);

#else

inline void startLaunch(const Launch&) {}
inline void endBlock() {}
inline void forgetAllocation(const Allocation*) {}
inline void startBlock(const unsigned char*, unsigned) {}
inline void loadMatrixRows(const unsigned char* const*) {}
inline void startCopy(const unsigned char*, const void*, int, int) {}
inline void finishCopy(const unsigned char*, int) {}
inline void passCollective(int) {}

#endif

}  // namespace emulator::checker
