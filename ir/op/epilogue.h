// A matmul's epilogue: the steps that its sums go through, one after the other, before they are
// stored. A step is a row of ir/op/epilogue.def; a combination of steps is a list of them and no more.
//
// Example: `epilogue = norm rope append` normalises each head of a row, rotates it and appends it
// to a state. The matmul's operands are a, b, the norm's weight, the tables of cosines and sines,
// the state, the slots and the positions, so for this epilogue
//   OperandCount() == 8, OperandOf(EpilogueStep::kRope) == 3, OperandOf(EpilogueStep::kBias) == -1.
#ifndef LLUDA_IR_OP_EPILOGUE_H_
#define LLUDA_IR_OP_EPILOGUE_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/op/opcode.h"

namespace lluda::ir {

enum class EpilogueStep : uint8_t {
#define LLUDA_EPILOGUE_STEP(Enum, ...) Enum,
#include "ir/op/epilogue.def"
#undef LLUDA_EPILOGUE_STEP
  kCount,
};

// EpilogueStep as a bit, so that a table row can name several.
constexpr uint32_t StepBit(EpilogueStep step) { return 1u << static_cast<int>(step); }

// What a step works on.
enum class Grain : uint8_t {
  kColumns,  // each column by itself
  kHalves,  // a column of the first half and its partner in the second; `->` names what they become
  kHeads,   // the axes behind `->` stand for the columns, and a head is what the last of them holds
};

// A row of ir/op/epilogue.def, which explains the columns.
struct StepInfo {
  EpilogueStep step;
  absl::string_view name;
  Opcode opcode;
  int value;
  int operands;
  Grain grain;
  uint32_t after;
  uint32_t keys;
};
// All steps, sorted by name, indexed by step.
absl::Span<const StepInfo> AllSteps();
const StepInfo& Info(EpilogueStep step);

class Epilogue {
 public:
  Epilogue() = default;
  Epilogue(std::initializer_list<EpilogueStep> steps) : steps_(steps) {}
  // The steps with these names, whatever their order: "norm rope". nullopt when one is no step.
  static std::optional<Epilogue> FromText(absl::string_view text);
  std::string ToString(absl::string_view separator = " ") const;

  bool operator==(const Epilogue& o) const { return steps_ == o.steps_; }
  bool empty() const { return steps_.empty(); }
  std::vector<EpilogueStep>::const_iterator begin() const { return steps_.begin(); }
  std::vector<EpilogueStep>::const_iterator end() const { return steps_.end(); }

  bool Has(EpilogueStep step) const;
  // Whether `step` may stand behind these steps.
  bool Takes(EpilogueStep step) const;
  Epilogue With(EpilogueStep step) const;

  // The grain of its steps: that of columns goes with the others.
  Grain grain() const;
  bool per_head() const { return grain() == Grain::kHeads; }
  // The attributes that its steps need, as KeyBit()s.
  uint32_t keys() const;
  // How many operands the matmul has in all, and which is the step's first one, -1 without the
  // step.
  int OperandCount() const;
  int OperandOf(EpilogueStep step) const;

 private:
  std::vector<EpilogueStep> steps_;
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_EPILOGUE_H_
