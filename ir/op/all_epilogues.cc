#include "ir/op/all_epilogues.h"

namespace lluda::ir {
namespace {

void AddLonger(const Epilogue& epilogue, std::vector<Epilogue>* all) {
  for (const StepInfo& info : AllSteps()) {
    if (!epilogue.Takes(info.step)) continue;
    all->push_back(epilogue.With(info.step));
    AddLonger(epilogue.With(info.step), all);
  }
}

}  // namespace

std::vector<Epilogue> AllEpilogues() {
  std::vector<Epilogue> all;
  AddLonger({}, &all);
  return all;
}

}  // namespace lluda::ir
