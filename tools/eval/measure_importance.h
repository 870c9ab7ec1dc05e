// How important the columns of a model's matrices are: the sums of the squares of what they are
// multiplied with while the model reads a text (frontends/gguf/importance.h).
//
//   options.module = ImportanceModule(options.module);   // then loaded
//   MeasureImportance(model.get(), *files, text, {});
//
// An expert's matrices have the sums of the tokens that took it. Of a model with layers of both kinds, with
// experts and without, only the matrices of attention are known.
#ifndef LLUDA_TOOLS_EVAL_MEASURE_IMPORTANCE_H_
#define LLUDA_TOOLS_EVAL_MEASURE_IMPORTANCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "engine/source/model_files.h"
#include "frontends/gguf/importance.h"
#include "tools/eval/evaluate.h"
#include "tools/eval/text_tokens.h"

namespace lluda::tools {

// What a model has to be loaded with: hidden states as results, inputs kept.
engine::ModuleOptions ImportanceModule(engine::ModuleOptions module);

// Reads the text in windows of EvalOptions::window tokens (512), one behind the other; the last one may
// be shorter. Cancelled, it is what was read until then. `files` are the model's. InvalidArgument for
// a text without tokens and a window that the context does not hold.
absl::StatusOr<frontends::gguf::Importance> MeasureImportance(engine::Model* model,
                                                              const engine::ModelFiles& files,
                                                              const EvalText& text,
                                                              const EvalOptions& options);
// The same of a text that is tokens already.
absl::StatusOr<frontends::gguf::Importance> MeasureImportance(engine::Model* model,
                                                              const engine::ModelFiles& files,
                                                              const TextTokens& tokens,
                                                              const std::string& text_name,
                                                              const EvalOptions& options);

// What was measured, in a few lines.
std::string ImportanceText(const frontends::gguf::Importance& importance, const std::string& file);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_MEASURE_IMPORTANCE_H_
