#include "product_choices.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace apt3::cuda {

ProductChoices::ProductChoices(std::string path) : path_(std::move(path)) {
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key, way;
    if (!(words >> key >> way)) continue;
    if (way == "own") {
      choices_[key] = std::nullopt;
      continue;
    }
    LtAlgorithm algorithm{};
    bool whole = way == "cublaslt";
    for (uint64_t& word : algorithm.data) whole = whole && words >> std::hex >> word;
    if (whole) choices_[key] = algorithm;  // A line that a killed process cut short is measured again.
  }
}

const ProductChoice* ProductChoices::find(const std::string& key) const {
  const auto found = choices_.find(key);
  return found == choices_.end() ? nullptr : &found->second;
}

void ProductChoices::add(const std::string& key, const ProductChoice& choice) {
  choices_[key] = choice;
  if (path_.empty()) return;
  // It begins with a line end, in case the last one was cut short.
  std::ostringstream line;
  line << '\n' << key << (choice ? " cublaslt" : " own");
  if (choice) {
    for (const uint64_t word : choice->data) line << ' ' << std::hex << word;
  }
  line << '\n';
  std::ofstream(path_, std::ios::app) << line.str();
}

size_t fastest(const std::vector<float>& milliseconds) {
  constexpr float noise = 0.97f;
  size_t best = 0;
  for (size_t i = 1; i < milliseconds.size(); i++) {
    const bool faster = best == 0 ? milliseconds[i] < noise * milliseconds[0] : milliseconds[i] < milliseconds[best];
    if (faster) best = i;
  }
  return best;
}

}  // namespace apt3::cuda
