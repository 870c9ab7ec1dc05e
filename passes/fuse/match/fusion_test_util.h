// For the tests of the fusion passes: run a pass on text, and compare what a function computes.
//
//   FuseRope pass;
//   const Outcome outcome = RunOn(&pass, text);
//   EXPECT_TRUE(outcome.changed);
//   EXPECT_EQ(outcome.text, expected);
#ifndef LLUDA_PASSES_FUSE_MATCH_FUSION_TEST_UTIL_H_
#define LLUDA_PASSES_FUSE_MATCH_FUSION_TEST_UTIL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"
#include "passes/framework/pass.h"

namespace lluda::passes {

// Ends the test program with the parser's message when the text is no module.
std::unique_ptr<ir::Module> Parsed(absl::string_view text);

// `text` with `from`, which must occur in it exactly once, replaced.
std::string Edited(absl::string_view text, absl::string_view from, absl::string_view to);

struct Outcome {
  bool changed = false;
  std::string before;  // the module as printed before the pass ...
  std::string text;    // ... and after it
  std::vector<Miss> misses;
  bool changed_again = false;  // by a second run
};

// Runs the pass twice on a module.
Outcome RunOn(Pass* pass, absl::string_view text);

// Expects that the pass leaves the module as it is, and one near miss at `statement` with `reason`.
void ExpectMiss(Pass* pass, absl::string_view text, absl::string_view statement,
                absl::string_view reason);

// What a run needs besides random floats: the symbols' values, and the integer parameters.
struct Inputs {
  std::map<std::string, int64_t> symbols;
  std::map<std::string, std::vector<int64_t>> integers;
};

// What `func` computes, with weights and float parameters that depend only on their names.
ir::Tensor Evaluate(const ir::Module& module, absl::string_view func, const Inputs& inputs);

// Expects that `func` computes the same before and after the pass: the same bits when `tolerance`
// is 0, else no element further apart than that. The pass must change the module.
void ExpectSameValues(Pass* pass, absl::string_view text, absl::string_view func,
                      const Inputs& inputs, float tolerance);

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_MATCH_FUSION_TEST_UTIL_H_
