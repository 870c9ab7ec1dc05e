#include "tools/eval/measure_importance.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/gguf/architectures.h"
#include "runtime/session/session.h"

namespace lluda::tools {
namespace {

using frontends::gguf::Importance;

constexpr int64_t kUsualWindow = 512;
constexpr char kHead[] = "output.weight";

// The matrices of a layer that read one input.
struct InputRow {
  absl::string_view input;
  absl::string_view matrices[6];
};
constexpr InputRow kInputs[] = {
    {"attention_input",
     {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.qkv_proj"}},
    {"o_input", {"self_attn.o_proj"}},
    {"mlp_input",
     {"mlp.gate_proj", "mlp.up_proj", "mlp.gate_up_proj", "mlp.experts.gate_proj",
      "mlp.experts.up_proj", "mlp.gate"}},
    {"down_input", {"mlp.down_proj"}},
};

// Adds rows of as many numbers as there are sums.
void AddSquares(absl::Span<const float> rows, Importance::Matrix* matrix) {
  const size_t columns = matrix->sums.size();
  for (size_t i = 0; i < rows.size(); ++i) {
    matrix->sums[i % columns] += static_cast<double>(rows[i]) * rows[i];
  }
  matrix->count += static_cast<double>(rows.size() / columns);
}

// One recorded input of one layer, and the matrices that read it.
struct Recorded {
  uint32_t state;
  size_t width;
  std::vector<std::string> matrices;  // as GGUF files call them
  Importance::Matrix matrix;
};

std::vector<Recorded> RecordedOf(const runtime::Program& program,
                                 const frontends::Checkpoint& checkpoint) {
  std::vector<Recorded> all;
  for (size_t i = 0; i < program.states.size(); ++i) {
    absl::string_view name = program.states[i].name;
    if (!absl::ConsumePrefix(&name, step_interface::kActivationPrefix)) continue;
    // "o_input[3]"
    const size_t bracket = name.find('[');
    const absl::string_view layer = name.substr(bracket + 1, name.size() - bracket - 2);
    const auto width = static_cast<size_t>(program.states[i].factor) / sizeof(float);
    Recorded recorded{static_cast<uint32_t>(i), width, {}, {std::vector<double>(width), 0}};
    for (const InputRow& row : kInputs) {
      if (row.input != name.substr(0, bracket)) continue;
      for (const absl::string_view matrix : row.matrices) {
        const std::string tensor = absl::StrCat("model.layers.", layer, ".", matrix, ".weight");
        if (matrix.empty() || checkpoint.Find(tensor) == nullptr) continue;
        recorded.matrices.push_back(frontends::gguf::FileName(tensor));
      }
    }
    all.push_back(std::move(recorded));
  }
  return all;
}

}  // namespace

engine::ModuleOptions ImportanceModule(engine::ModuleOptions module) {
  module.result = engine::StepResult::kHidden;
  module.record_inputs = true;
  return module;
}

absl::StatusOr<Importance> MeasureImportance(engine::Model* model,
                                             const frontends::Checkpoint& checkpoint,
                                             const EvalText& text, const EvalOptions& options) {
  const TextTokens tokens = TokensOf(*model->tokenizer(), text.text);
  const auto total = static_cast<int64_t>(tokens.text.size());
  if (total == 0) return absl::InvalidArgumentError(absl::StrCat(text.name, ": has no tokens"));
  const auto front = static_cast<int64_t>(tokens.front.size());
  const int64_t window =
      options.window > 0 ? options.window : std::min(kUsualWindow, model->context());
  if (window <= front || window > model->context()) {
    return absl::InvalidArgumentError(
        absl::StrCat(model->folder(), ": a window of ", window, " tokens, the context holds ",
                     model->context(), ", of which ", front, " stand in front of a text"));
  }
  runtime::SessionOptions session_options;
  session_options.context = window;
  ASSIGN_OR_RETURN(const std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(model->executable(), session_options));
  std::vector<Recorded> all = RecordedOf(model->executable()->program(), checkpoint);
  Importance::Matrix head{std::vector<double>(static_cast<size_t>(session->width())), 0};
  Importance importance;
  importance.texts = {text.name};
  importance.window_tokens = window;
  std::vector<float> rows;
  for (int64_t begin = 0; begin < total; begin += window - front) {
    if (options.cancel != nullptr && options.cancel->load()) break;
    const int64_t end = std::min(total, begin + window - front);
    std::vector<int32_t> input = tokens.front;
    input.insert(input.end(), tokens.text.begin() + begin, tokens.text.begin() + end);
    session->Truncate(0, 0);
    const runtime::Chunk chunk{0, input, static_cast<int64_t>(input.size())};
    ASSIGN_OR_RETURN(const absl::Span<const float> hidden,
                     session->Evaluate(absl::MakeConstSpan(&chunk, 1)));
    AddSquares(hidden, &head);
    for (Recorded& recorded : all) {
      rows.resize(input.size() * recorded.width);
      RETURN_IF_ERROR(model->executable()->ReadState(
          session->states(), recorded.state, static_cast<int64_t>(rows.size() * sizeof(float)),
          rows.data()));
      AddSquares(rows, &recorded.matrix);
    }
    ++importance.windows;
    if (options.progress) options.progress(end, total);
  }
  importance.matrices[kHead] = std::move(head);
  for (const Recorded& recorded : all) {
    for (const std::string& name : recorded.matrices) importance.matrices[name] = recorded.matrix;
  }
  return importance;
}

std::string ImportanceText(const Importance& importance, const std::string& file) {
  const double tokens = importance.matrices.empty() ? 0 : importance.matrices.begin()->second.count;
  return absl::StrCat(file, ": the importance of the columns of ", importance.matrices.size(),
                      " matrices, over ", static_cast<int64_t>(tokens), " tokens of ",
                      absl::StrJoin(importance.texts, ", "), " in ", importance.windows,
                      " windows\n");
}

}  // namespace lluda::tools
