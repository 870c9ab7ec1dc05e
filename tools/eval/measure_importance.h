// How important the columns of a model's matrices are: the sums of the squares of what they are
// multiplied with while the model reads a text (frontends/gguf/importance.h).
//
//   options.module = ImportanceModule(options.module);   // then loaded
//   MeasureImportance(model.get(), *files->checkpoint, text, {});
//
// A matrix of the experts of a layer has one sum for all of them, of every token: which expert takes a
// token is not looked at, and what the last matrix of an expert is multiplied with is not known.
#ifndef LLUDA_TOOLS_EVAL_MEASURE_IMPORTANCE_H_
#define LLUDA_TOOLS_EVAL_MEASURE_IMPORTANCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/gguf/importance.h"
#include "tools/eval/evaluate.h"
#include "tools/eval/text_tokens.h"

namespace lluda::tools {

// What a model has to be loaded with: hidden states as results, inputs kept.
engine::ModuleOptions ImportanceModule(engine::ModuleOptions module);

// Reads the text in windows of EvalOptions::window tokens (512), one behind the other; the last one may
// be shorter. Cancelled, it is what was read until then. `checkpoint` is the model's. InvalidArgument for
// a text without tokens and a window that the context does not hold.
absl::StatusOr<frontends::gguf::Importance> MeasureImportance(
    engine::Model* model, const frontends::Checkpoint& checkpoint, const EvalText& text,
    const EvalOptions& options);

// What was measured, in a few lines.
std::string ImportanceText(const frontends::gguf::Importance& importance, const std::string& file);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_MEASURE_IMPORTANCE_H_
