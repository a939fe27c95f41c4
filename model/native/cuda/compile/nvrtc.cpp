// Compiles one CUDA source to PTX with NVRTC, for machines that have the library but no nvcc:
// nvrtc LIBRARY SOURCE OUTPUT OPTION...
#include <dlfcn.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

template <class Function>
Function find(void* library, const char* name) {
  return reinterpret_cast<Function>(dlsym(library, name));
}

using Program = void*;

}  // namespace

int main(int count, char** words) {
  if (count < 4) return 2;
  void* library = dlopen(words[1], RTLD_NOW);
  if (library == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), 1;
  const auto create = find<int (*)(Program*, const char*, const char*, int, const char* const*, const char* const*)>(
      library, "nvrtcCreateProgram");
  const auto compile = find<int (*)(Program, int, const char* const*)>(library, "nvrtcCompileProgram");
  const auto logSize = find<int (*)(Program, size_t*)>(library, "nvrtcGetProgramLogSize");
  const auto log = find<int (*)(Program, char*)>(library, "nvrtcGetProgramLog");
  const auto ptxSize = find<int (*)(Program, size_t*)>(library, "nvrtcGetPTXSize");
  const auto ptx = find<int (*)(Program, char*)>(library, "nvrtcGetPTX");
  if (!create || !compile || !logSize || !log || !ptxSize || !ptx) return std::fprintf(stderr, "not NVRTC\n"), 1;

  std::stringstream source;
  source << std::ifstream(words[2]).rdbuf();
  Program program = nullptr;
  if (create(&program, source.str().c_str(), words[2], 0, nullptr, nullptr) != 0) return 1;
  const int status = compile(program, count - 4, words + 4);
  size_t length = 0;
  logSize(program, &length);
  std::vector<char> text(length + 1);
  log(program, text.data());
  std::fputs(text.data(), stderr);
  if (status != 0 || ptxSize(program, &length) != 0) return 1;
  std::vector<char> code(length);
  if (ptx(program, code.data()) != 0) return 1;
  std::ofstream(words[3], std::ios::binary).write(code.data(), static_cast<std::streamsize>(length - 1));
  return 0;
}
