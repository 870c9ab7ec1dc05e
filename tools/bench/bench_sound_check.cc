#include "tools/bench/bench_sound_check.h"

#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/checkpoint/read_weight.h"
#include "tools/ir/keep_entry.h"
#include "tools/validate/bounds.h"
#include "tools/validate/compare.h"
#include "tools/verify/verify_bundle.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {
namespace {

// The module to interpret an entry of, and a run without one.
struct Interpreted {
  const ir::Module* module = nullptr;
  VerifyRun run;
};

// What an entry returns. Its arguments are made of its parameters, `count` of which it has to have.
using MakeArguments = std::function<std::vector<ir::Tensor>(const ir::Func& entry)>;
absl::StatusOr<ir::Tensor> Returned(Interpreted interpreted, const char* entry, size_t count,
                                    const MakeArguments& arguments) {
  const ir::Func* func = interpreted.module->FindFunc(entry);
  if (func == nullptr || func->params().size() != count) {
    return absl::InvalidArgumentError(
        absl::StrCat("the module has no @", entry, " of ", count, " parameters"));
  }
  interpreted.run.entry = entry;
  interpreted.run.arguments = arguments(*func);
  return InterpretLast(*interpreted.module, interpreted.run);
}

ir::Tensor Ones(const ir::Type& type) {
  ir::Tensor ones(type);
  for (int64_t i = 0; i < ones.size(); ++i) ones.Store(i, 1);
  return ones;
}

// [bin][frame] as [frame][bin].
ir::Tensor MelOf(const ir::Type& type, absl::Span<const float> features) {
  ir::Tensor mel(type);
  const auto frames = type.axes.front().extent.value;
  const int64_t bins = mel.size() / frames;
  for (int64_t i = 0; i < mel.size(); ++i) {
    mel.Store(i, features[static_cast<size_t>(i % bins * frames + i / bins)]);
  }
  return mel;
}

// Of a whole second, all of which counts.
absl::StatusOr<ir::Tensor> InterpretSecond(const Interpreted& chunk, const Interpreted& window,
                                           absl::Span<const float> features) {
  ASSIGN_OR_RETURN(
      const ir::Tensor sound,
      Returned(chunk, step_interface::kAudioChunk, std::size(step_interface::kAudioChunkInputs),
               [&](const ir::Func& entry) -> std::vector<ir::Tensor> {
                 return {MelOf(entry.params()[0]->type, features), Ones(entry.params()[1]->type),
                         Ones(entry.params()[2]->type)};
               }));
  return Returned(window, step_interface::kAudio, std::size(step_interface::kAudioInputs),
                  [&](const ir::Func& entry) -> std::vector<ir::Tensor> {
                    const ir::Extent rows = sound.type().axes.front().extent;
                    ir::Type sound_type = entry.params()[0]->type;
                    ir::Type place_type = entry.params()[1]->type;
                    sound_type.axes.front().extent = place_type.axes.front().extent = rows;
                    std::vector<int64_t> places;
                    for (int64_t i = 0; i < rows.value; ++i) places.push_back(i);
                    return {ir::Tensor::OfFloats(sound_type, sound.floats()),
                            ir::Tensor::OfInts(place_type, std::move(places))};
                  });
}

double BoundOf(const engine::ModuleOptions& numbers) {
  const bool coarse = numbers.activations == engine::Activations::kInt8;
  return HeardBound(numbers.precision, std::nullopt) + (coarse ? kInt8ActivationsNmse : 0);
}

// "13 rows of a second: NMSE 2.1e-05 of 1.2e-04 against the interpreter in f32", if they are right.
absl::StatusOr<std::string> Judge(const ir::Tensor& reference, absl::Span<const float> rows,
                                  double bound, absl::string_view against) {
  if (static_cast<int64_t>(rows.size()) != reference.size()) {
    return absl::InternalError(absl::StrCat("the output is wrong: a second of sound became ",
                                            rows.size(), " numbers, and the interpreter made ",
                                            reference.size(), " of it"));
  }
  const double nmse = Compare(rows, reference.floats()).nmse;
  // Written so that a NaN is an error.
  if (!(nmse < bound)) {
    return absl::InternalError(absl::StrFormat(
        "the output is wrong: the rows of a second of sound have NMSE %.2e against the interpreter "
        "%s, allowed is %.2e",
        nmse, against, bound));
  }
  return absl::StrFormat("%d rows of a second: NMSE %.1e of %.1e against the interpreter %s",
                         reference.type().axes.front().extent.value, nmse, bound, against);
}

}  // namespace

absl::StatusOr<std::string> CheckRows(const engine::ModelFiles& files,
                                      const engine::ModuleOptions& numbers,
                                      absl::Span<const float> features,
                                      absl::Span<const float> rows) {
  engine::ModuleOptions options;
  options.precision = engine::Precision::kF32;
  options.weights = numbers.weights;
  const auto imported = [&](const char* entry) -> absl::StatusOr<std::unique_ptr<ir::Module>> {
    ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, engine::ImportModule(files, options));
    RETURN_IF_ERROR(KeepEntry(entry, module.get()));
    return module;
  };
  ASSIGN_OR_RETURN(const auto chunk, imported(step_interface::kAudioChunk));
  ASSIGN_OR_RETURN(const auto window, imported(step_interface::kAudio));
  VerifyRun run;
  run.weights = [&](const ir::Global& weight, int64_t index) -> absl::StatusOr<ir::Tensor> {
    return frontends::ReadWeight(*files.checkpoint, weight, index);
  };
  ASSIGN_OR_RETURN(const ir::Tensor reference,
                   InterpretSecond({chunk.get(), run}, {window.get(), run}, features));
  return Judge(reference, rows, BoundOf(numbers), "in f32");
}

absl::StatusOr<std::string> CheckBundleRows(const OptimisedModel& model,
                                            absl::Span<const float> features,
                                            absl::Span<const float> rows) {
  ASSIGN_OR_RETURN(const NativeProgram native, NativeProgramOf(model));
  const Interpreted own{model.module.get(), BundleRun(model, native)};
  ASSIGN_OR_RETURN(const ir::Tensor reference, InterpretSecond(own, own, features));
  return Judge(reference, rows, HeardBound(model.numbers.precision, std::nullopt),
               "on the bundle's own module and weights");
}

}  // namespace lluda::tools
