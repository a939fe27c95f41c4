// What the lanes of a warp do together, as PTX's manual defines it: each waits with its operands, the last one performs.
#include <bit>
#include <cstring>

#include "block.h"
#include "checker.h"

namespace emulator {

void syncThreads() { await(Wait::barrier, nullptr); }
void syncWarp() { await(Wait::warp, nullptr); }

struct ShuffleOperands {
  uint64_t bits;
  int mask;
  uint64_t result;
};

uint64_t shuffleXor(uint64_t bits, int mask) {
  ShuffleOperands operands{bits, mask, 0};
  await(Wait::shuffle, &operands);
  return operands.result;
}

struct BallotOperands {
  bool condition;
  unsigned result;
};

unsigned ballot(bool condition) {
  BallotOperands operands{condition, 0};
  await(Wait::ballot, &operands);
  return operands.result;
}

struct MatricesOperands {
  unsigned* to;
  const unsigned char* row;
};

void loadMatrices(unsigned* to, const void* row) {
  MatricesOperands operands{to, static_cast<const unsigned char*>(row)};
  await(Wait::matrices, &operands);
}

void loadMatricesTransposed(unsigned* to, const void* row) {
  MatricesOperands operands{to, static_cast<const unsigned char*>(row)};
  await(Wait::matricesTransposed, &operands);
}

struct MultiplyOperands {
  float* c;
  const unsigned* a;
  unsigned b[2];
};

void multiplyAdd(float* c, const unsigned* a, unsigned b0, unsigned b1) {
  MultiplyOperands operands{c, a, {b0, b1}};
  await(Wait::multiplyAdd, &operands);
}

namespace {

float lowFloat(unsigned pair) { return std::bit_cast<float>(pair << 16); }
float highFloat(unsigned pair) { return std::bit_cast<float>(pair & 0xffff0000u); }

template <class Operands>
Operands& operandsOf(Thread* lane) {
  return *static_cast<Operands*>(lane->operands);
}

void performMatrices(bool transposed, std::array<Thread*, warpSize>& lanes) {
  const unsigned char* rows[warpSize];
  for (int lane = 0; lane < warpSize; lane++) {
    rows[lane] = operandsOf<MatricesOperands>(lanes[static_cast<size_t>(lane)]).row;
    if (reinterpret_cast<uintptr_t>(rows[lane]) % 16 != 0) fail("ldmatrix: a row is not 16-byte aligned");
    if (rows[lane] < position.shared || rows[lane] + 16 > position.shared + block.sharedBytes)
      fail("ldmatrix: a row lies outside the block's shared memory");
  }
  checker::loadMatrixRows(rows);
  for (int lane = 0; lane < warpSize; lane++) {
    unsigned* to = operandsOf<MatricesOperands>(lanes[static_cast<size_t>(lane)]).to;
    for (int matrix = 0; matrix < 4; matrix++) {
      const unsigned char* const* matrixRows = rows + 8 * matrix;
      if (!transposed) {
        std::memcpy(to + matrix, matrixRows[lane / 4] + lane % 4 * 4, 4);
        continue;
      }
      uint16_t low, high;
      std::memcpy(&low, matrixRows[lane % 4 * 2] + lane / 4 * 2, 2);
      std::memcpy(&high, matrixRows[lane % 4 * 2 + 1] + lane / 4 * 2, 2);
      to[matrix] = low | static_cast<unsigned>(high) << 16;
    }
  }
}

void performMultiply(std::array<Thread*, warpSize>& lanes) {
  float a[16][16];
  float b[16][8];
  float c[16][8];
  for (int lane = 0; lane < warpSize; lane++) {
    const MultiplyOperands& own = operandsOf<MultiplyOperands>(lanes[static_cast<size_t>(lane)]);
    const int g = lane / 4;
    const int t = lane % 4 * 2;
    for (int part = 0; part < 4; part++) {
      a[g + part % 2 * 8][t + part / 2 * 8] = lowFloat(own.a[part]);
      a[g + part % 2 * 8][t + part / 2 * 8 + 1] = highFloat(own.a[part]);
    }
    for (int part = 0; part < 2; part++) {
      b[t + part * 8][g] = lowFloat(own.b[part]);
      b[t + part * 8 + 1][g] = highFloat(own.b[part]);
    }
    c[g][t] = own.c[0];
    c[g][t + 1] = own.c[1];
    c[g + 8][t] = own.c[2];
    c[g + 8][t + 1] = own.c[3];
  }
  for (int row = 0; row < 16; row++)
    for (int k = 0; k < 16; k++)
      for (int column = 0; column < 8; column++) c[row][column] += a[row][k] * b[k][column];
  for (int lane = 0; lane < warpSize; lane++) {
    const MultiplyOperands& own = operandsOf<MultiplyOperands>(lanes[static_cast<size_t>(lane)]);
    const int g = lane / 4;
    const int t = lane % 4 * 2;
    own.c[0] = c[g][t];
    own.c[1] = c[g][t + 1];
    own.c[2] = c[g + 8][t];
    own.c[3] = c[g + 8][t + 1];
  }
}

}  // namespace

void performCollective(Wait wait, std::array<Thread*, warpSize>& lanes) {
  if (wait == Wait::multiplyAdd) return performMultiply(lanes);
  if (wait == Wait::matrices || wait == Wait::matricesTransposed)
    return performMatrices(wait == Wait::matricesTransposed, lanes);
  if (wait == Wait::shuffle) {
    for (size_t lane = 0; lane < warpSize; lane++) {
      ShuffleOperands& own = operandsOf<ShuffleOperands>(lanes[lane]);
      own.result = operandsOf<ShuffleOperands>(lanes[lane ^ static_cast<size_t>(own.mask)]).bits;
    }
    return;
  }
  unsigned bits = 0;
  for (size_t lane = 0; lane < warpSize; lane++)
    bits |= static_cast<unsigned>(operandsOf<BallotOperands>(lanes[lane]).condition) << lane;
  for (Thread* lane : lanes) operandsOf<BallotOperands>(lane).result = bits;
}

}  // namespace emulator
