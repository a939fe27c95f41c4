#include "bank_conflicts.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace emulator::banks {

namespace {

struct Counts {
  unsigned long long conflicts = 0, turns = 0;
};
std::map<std::string, Counts> byKernel;
Counts* counts;

/** Since the last collective, for each warp: an instruction and how often its lane came by → the lanes' accesses. */
struct LaneAccess {
  int lane;
  unsigned offset, bytes;
};
struct WarpAccesses {
  std::map<std::pair<const void*, int>, std::vector<LaneAccess>> lanes;
  std::map<std::pair<const void*, int>, int> visits;
};
std::vector<WarpAccesses> warps;

/** Turns that one group of lanes needs. */
unsigned long long turnsOf(const std::vector<LaneAccess>& group) {
  std::vector<unsigned> words[32];
  for (const LaneAccess& access : group)
    for (unsigned word = access.offset / 4; word <= (access.offset + access.bytes - 1) / 4; word++)
      words[word % 32].push_back(word);
  size_t most = 0;
  for (std::vector<unsigned>& bank : words) {
    std::sort(bank.begin(), bank.end());
    most = std::max(most, static_cast<size_t>(std::unique(bank.begin(), bank.end()) - bank.begin()));
  }
  return most;
}

void count(const std::vector<LaneAccess>& all) {
  if (counts == nullptr || all.empty()) return;
  const int width = all.front().bytes >= 16 ? 8 : all.front().bytes >= 8 ? 16 : 32;
  for (int first = 0; first < 32; first += width) {
    std::vector<LaneAccess> group;
    for (const LaneAccess& access : all)
      if (access.lane >= first && access.lane < first + width) group.push_back(access);
    if (group.empty()) continue;
    counts->turns++;
    counts->conflicts += turnsOf(group) - 1;
  }
}

}  // namespace

void startLaunch(const char* kernel) { counts = &byKernel[kernel]; }

void startBlock() { warps.assign(32, {}); }

void note(int thread, const void* instruction, unsigned offset, unsigned bytes) {
  WarpAccesses& warp = warps[static_cast<size_t>(thread / 32)];
  const int visit = warp.visits[{instruction, thread % 32}]++;
  warp.lanes[{instruction, visit}].push_back({thread % 32, offset, bytes});
}

void countRows(const unsigned (&offsets)[32]) {
  std::vector<LaneAccess> all;
  for (int lane = 0; lane < 32; lane++) all.push_back({lane, offsets[lane], 16});
  count(all);
}

void passCollective(int warp) {
  WarpAccesses& own = warps[static_cast<size_t>(warp)];
  for (const auto& [instruction, lanes] : own.lanes) count(lanes);
  own.lanes.clear();
  own.visits.clear();
}

}  // namespace emulator::banks

extern "C" unsigned long long apt3_bank_conflicts(const char* kernel) { return emulator::banks::byKernel[kernel].conflicts; }
extern "C" unsigned long long apt3_bank_turns(const char* kernel) { return emulator::banks::byKernel[kernel].turns; }
