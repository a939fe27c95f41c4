#pragma once
/**
 * Counts bank conflicts of shared memory. 32 banks of four bytes serve a warp's instruction in as many turns as one bank
 * has different words to give; wider accesses go in groups of 16 or 8 lanes. What is counted are the turns beyond those.
 */
namespace emulator::banks {

void startLaunch(const char* kernel);
void startBlock();
/** The instruction (by its address) of one lane. */
void note(int thread, const void* instruction, unsigned offset, unsigned bytes);
/** ldmatrix: four groups of eight rows. */
void countRows(const unsigned (&offsets)[32]);
void passCollective(int warp);

}  // namespace emulator::banks

/** Turns beyond the necessary that all launches of the kernel took, and the turns that were necessary. */
extern "C" unsigned long long apt3_bank_conflicts(const char* kernel);
extern "C" unsigned long long apt3_bank_turns(const char* kernel);
