#pragma once
#include <memory>
#include <set>

#include "memory.h"

namespace apt3::cuda {

/** Work recorded as a CUDA graph, with the memory it uses. */
class Recording {
 public:
  explicit Recording(const Driver& driver) : driver_(driver) {}
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() {
    if (exec_ != nullptr) driver_.graphExecDestroy(exec_);
  }

  /** Memory that must stay as long as the recording. */
  void keep(const std::shared_ptr<Block>& block) { kept_.insert(block); }
  void instantiate(Graph graph) {
    const Status status = driver_.graphInstantiate(&exec_, graph, 0);
    driver_.graphDestroy(graph);
    driver_.check(status, "cuGraphInstantiate");
  }
  void launch(Stream stream) const { driver_.check(driver_.graphLaunch(exec_, stream), "cuGraphLaunch"); }

 private:
  const Driver& driver_;
  GraphExec exec_ = nullptr;
  std::set<std::shared_ptr<Block>> kept_;
};

}  // namespace apt3::cuda
