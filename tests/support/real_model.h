// A checkpoint's module in the interpreter: what the tests on real weights share.
//
//   auto model = RealModel::Open("reference_data/tiny", Precision::kBF16);
//   auto interpreter = (*model)->Interpret((*model)->module(), /*slots=*/1);
//   auto logits = RunStep(&*interpreter, WholePrompt({1, 2, 3}));
#ifndef LLUDA_TESTS_SUPPORT_REAL_MODEL_H_
#define LLUDA_TESTS_SUPPORT_REAL_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/source/model_files.h"
#include "engine/source/model_source.h"
#include "ir/graph.h"
#include "ir/interpreter/interpreter.h"
#include "ir/interpreter/tensor.h"

namespace lluda::tests {

// In which numbers a model computes and remembers, for tests of several kinds.
using Numbers = std::pair<engine::Precision, engine::KvCache>;
// bf16; bf16 with a cache of int8; f32.
inline constexpr Numbers kAllNumbers[] = {
    {engine::Precision::kBF16, engine::KvCache::kPrecision},
    {engine::Precision::kBF16, engine::KvCache::kInt8},
    {engine::Precision::kF32, engine::KvCache::kPrecision},
};
// "bf16", "bf16_int8", "f32": for tests' names.
std::string NameOf(const Numbers& numbers);

// The inputs of @step: one token, position and slot per item, and the items whose logits are
// wanted.
struct StepInputs {
  std::vector<int64_t> tokens;
  std::vector<int64_t> positions;
  std::vector<int64_t> slots;
  std::vector<int64_t> rows;
};

// A sequence from its beginning in slot 0, with the logits of every token.
StepInputs WholePrompt(absl::Span<const int32_t> tokens);

class RealModel {
 public:
  // Imports the checkpoint in a folder or a GGUF file; no pass has run.
  static absl::StatusOr<std::unique_ptr<RealModel>> Open(
      const std::string& path, engine::Precision precision,
      engine::KvCache kv_cache = engine::KvCache::kPrecision);

  ir::Module* module() { return module_.get(); }
  const frontends::Checkpoint& checkpoint() const { return *files_->checkpoint; }
  const frontends::decoder::Decoder& decoder() const { return files_->decoder; }

  // An interpreter of `module`, this one's or what passes made of it, over the checkpoint's weights
  // and the smallest cache; the load block has run. `module` and this object must outlive it.
  absl::StatusOr<ir::Interpreter> Interpret(const ir::Module* module, int64_t slots) const;

 private:
  RealModel() = default;

  std::shared_ptr<engine::ModelSource> source_;
  const engine::ModelFiles* files_ = nullptr;  // the source's
  std::unique_ptr<ir::Module> module_;
};

// One call of @step.
absl::StatusOr<ir::Tensor> RunStep(ir::Interpreter* interpreter, const StepInputs& inputs);

// ||a - b||^2 / ||b||^2; infinity if the sizes differ or one of them holds what is not finite.
double Nmse(absl::Span<const float> a, absl::Span<const float> b);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_REAL_MODEL_H_
