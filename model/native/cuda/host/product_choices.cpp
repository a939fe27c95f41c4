#include "product_choices.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace apt3::cuda {

ProductChoices::ProductChoices(std::string path) : path_(std::move(path)) {
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key, way, ownTime, libraryTime;
    if (!(words >> key >> way >> ownTime >> libraryTime)) continue;
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

void ProductChoices::add(const std::string& key, const ProductTimes& times) {
  constexpr float noise = 0.97f;
  const auto quickest = std::min_element(times.library.begin(), times.library.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
  const bool found = quickest != times.library.end();
  ProductChoice& choice = choices_[key] = std::nullopt;
  if (found && quickest->second < noise * times.own) choice = quickest->first;
  if (path_.empty()) return;
  // It begins with a line end, in case the last one was cut short.
  std::ostringstream line;
  line << '\n' << key << (choice ? " cublaslt " : " own ") << times.own << ' ';
  if (found) {
    line << quickest->second;
  } else {
    line << '-';
  }
  if (choice) {
    for (const uint64_t word : choice->data) line << ' ' << std::hex << word;
  }
  line << '\n';
  std::ofstream(path_, std::ios::app) << line.str();
}

}  // namespace apt3::cuda
