// What `lluda eval` prints: some lines of text, or JSON.
//
//   EvalReport report{SubjectOf(options), {}, evaluation};
//   WriteStdout(EvalReportText(report));
#ifndef LLUDA_TOOLS_EVAL_EVAL_REPORT_H_
#define LLUDA_TOOLS_EVAL_EVAL_REPORT_H_

#include <optional>
#include <string>

#include "engine/model.h"
#include "tools/eval/evaluate.h"

namespace lluda::tools {

// A model, and the numbers that it computes with.
struct EvalSubject {
  std::string model;
  std::string precision;
  std::string kv_cache;
  std::string weights;  // quantised to while loading, "auto kl=0.01"; empty: as the model has them
  std::string activations;  // "int8"; empty: exact
};

// Of options whose source is open.
EvalSubject SubjectOf(const engine::LoadOptions& options);

struct EvalReport {
  EvalSubject subject;
  std::optional<EvalSubject> against;
  Evaluation evaluation;
};

std::string EvalReportText(const EvalReport& report);
std::string EvalReportJson(const EvalReport& report);  // lluda.eval/1

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_EVAL_REPORT_H_
