#include "kernels/standard.h"

namespace apt3 {
namespace plain {
constexpr int width = 4;
#include "kernels/all.h"
}  // namespace plain

const Operations plainOperations = plain::listOperations("plain");
}  // namespace apt3
