#include "ir/op/epilogue.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ir/op/attr_key.h"

namespace lluda::ir {
namespace {

constexpr int kMatmulOperands = 2;  // a and b

constexpr uint32_t kBias = StepBit(EpilogueStep::kBias);
constexpr uint32_t kNorm = StepBit(EpilogueStep::kNorm);
constexpr uint32_t kRope = StepBit(EpilogueStep::kRope);
constexpr uint32_t kKeyEps = KeyBit(AttrKey::kEps);
constexpr uint32_t kKeyStyle = KeyBit(AttrKey::kStyle);

constexpr StepInfo kSteps[] = {
#define LLUDA_EPILOGUE_STEP(Enum, text, op, value, operands, grain, after, keys, Infer, Run) \
  {EpilogueStep::Enum, text, Opcode::op, value, operands, Grain::grain, after, keys},
#include "ir/op/epilogue.def"
#undef LLUDA_EPILOGUE_STEP
};
static_assert(std::size(kSteps) == static_cast<size_t>(EpilogueStep::kCount));

}  // namespace

absl::Span<const StepInfo> AllSteps() { return kSteps; }

const StepInfo& Info(EpilogueStep step) { return kSteps[static_cast<int>(step)]; }

std::optional<Epilogue> Epilogue::FromText(absl::string_view text) {
  Epilogue epilogue;
  for (absl::string_view name : absl::StrSplit(text, ' ')) {
    const auto row = std::find_if(std::begin(kSteps), std::end(kSteps),
                                  [name](const StepInfo& info) { return info.name == name; });
    if (row == std::end(kSteps)) return std::nullopt;
    epilogue.steps_.push_back(row->step);
  }
  return epilogue;
}

std::string Epilogue::ToString(absl::string_view separator) const {
  return absl::StrJoin(steps_, separator, [](std::string* out, EpilogueStep step) {
    out->append(Info(step).name.data(), Info(step).name.size());
  });
}

bool Epilogue::Has(EpilogueStep step) const {
  return std::find(steps_.begin(), steps_.end(), step) != steps_.end();
}

bool Epilogue::Takes(EpilogueStep step) const {
  return std::all_of(steps_.begin(), steps_.end(), [step](EpilogueStep before) {
    return (Info(step).after & StepBit(before)) != 0;
  });
}

Epilogue Epilogue::With(EpilogueStep step) const {
  Epilogue longer = *this;
  longer.steps_.push_back(step);
  return longer;
}

Grain Epilogue::grain() const {
  Grain grain = Grain::kColumns;
  for (const EpilogueStep step : steps_) grain = std::max(grain, Info(step).grain);
  return grain;
}

uint32_t Epilogue::keys() const {
  uint32_t keys = 0;
  for (const EpilogueStep step : steps_) keys |= Info(step).keys;
  return keys;
}

int Epilogue::OperandCount() const {
  int count = kMatmulOperands;
  for (const EpilogueStep step : steps_) count += Info(step).operands;
  return count;
}

int Epilogue::OperandOf(EpilogueStep step) const {
  int operand = kMatmulOperands;
  for (const EpilogueStep own : steps_) {
    if (own == step) return operand;
    operand += Info(own).operands;
  }
  return -1;
}

}  // namespace lluda::ir
