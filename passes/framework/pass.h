// What a pass is: a named rewrite of a module that says truthfully whether it changed anything.
//
//   FuseRope pass;
//   ASSIGN_OR_RETURN(bool changed, pass.Run(&module));
//   for (const Miss& miss : pass.misses()) LOG(INFO) << miss.statement << ": " << miss.reason;
//
// Promises every pass makes, checked for all of them by passes/all_passes_test.cc:
// - a module that verifies still verifies afterwards;
// - Run returns true exactly when the module's structural text changed (PrintStyle::kStructural);
// - running it a second time changes nothing;
// - what the module computes stays the same.
// An error means that the module, though valid, asks for something the pass cannot do; it names the
// function and the statement. Run may be called again on the same or another module.
#ifndef LLUDA_PASSES_FRAMEWORK_PASS_H_
#define LLUDA_PASSES_FRAMEWORK_PASS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace lluda::passes {

// A place that looked like the pass's pattern and was left alone.
struct Miss {
  std::string func;       // without '@'; "load" for the load block
  std::string statement;  // the result's name without '%': "q3"
  std::string reason;     // "operand 1 of 'qt3' is %cos, expected %sin"
};

class Pass {
 public:
  virtual ~Pass() = default;

  // The name in pipelines, in `by` and in error messages: "fuse-rope".
  virtual absl::string_view name() const = 0;

  // Rewrites the module; true = changed.
  virtual absl::StatusOr<bool> Run(ir::Module* module) = 0;

  // The near misses of the last Run.
  const std::vector<Miss>& misses() const { return misses_; }

 protected:
  std::vector<Miss> misses_;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FRAMEWORK_PASS_H_
