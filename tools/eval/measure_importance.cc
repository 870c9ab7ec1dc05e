#include "tools/eval/measure_importance.h"

#include <algorithm>
#include <cmath>
#include <map>
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

constexpr char kMlpInput[] = "mlp_input";
constexpr char kExperts[] = "experts";
constexpr char kExpertsDownInput[] = "experts_down_input";

// The matrices of a layer that read one input. Those of experts are not among them.
struct InputRow {
  absl::string_view input;
  absl::string_view matrices[7];
};
constexpr InputRow kInputs[] = {
    {"attention_input",
     {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.qkv_proj"}},
    {"o_input", {"self_attn.o_proj"}},
    {kMlpInput,
     {"mlp.gate_proj", "mlp.up_proj", "mlp.gate_up_proj", "mlp.gate", "block_sparse_moe.gate",
      "mlp.shared_expert.gate_proj", "mlp.shared_expert.up_proj"}},
    {"down_input", {"mlp.down_proj"}},
    {"shared_down_input", {"mlp.shared_expert.down_proj"}},
};

Importance::Matrix Zeros(size_t columns, size_t experts = 1) {
  return {std::vector<double>(columns * experts, 0), std::vector<double>(experts, 0)};
}

// Adds a row, of as many numbers as there are columns, to an expert's sums.
void AddRow(absl::Span<const float> row, size_t expert, Importance::Matrix* matrix) {
  double* sums = matrix->sums.data() + expert * matrix->columns();
  for (size_t i = 0; i < row.size(); ++i) sums[i] += static_cast<double>(row[i]) * row[i];
  matrix->counts[expert] += 1;
}

// Adds whole rows to those of the only one.
void AddRows(absl::Span<const float> rows, Importance::Matrix* matrix) {
  const size_t columns = matrix->columns();
  for (size_t i = 0; i < rows.size(); i += columns) AddRow(rows.subspan(i, columns), 0, matrix);
}

// Rows of a text's tokens, the first of which is `token`; those in front of it have negative numbers.
absl::Status CheckFinite(absl::Span<const float> rows, size_t columns, int64_t token,
                         const std::string& text) {
  const auto at = std::find_if(rows.begin(), rows.end(), [](float x) { return !std::isfinite(x); });
  if (at == rows.end()) return absl::OkStatus();
  const int64_t row = (at - rows.begin()) / static_cast<int64_t>(columns);
  return absl::InternalError(
      absl::StrCat("what the head reads of token ", token + row, " of ", text, " is ", *at));
}

// The first matrix of which a sum is no float.
absl::Status CheckSums(const Importance& importance) {
  for (const auto& [name, matrix] : importance.matrices) {
    for (const double sum : matrix.sums) {
      if (std::isfinite(static_cast<float>(sum))) continue;
      return absl::InternalError(
          absl::StrCat("a sum of the squares that ", name, " reads is ", static_cast<float>(sum)));
    }
  }
  return absl::OkStatus();
}

// What was recorded of a layer: where, and how many elements of 4 bytes a token has.
struct Recorded {
  uint32_t state = 0;
  size_t width = 0;
};
// By layer, and then by name.
using RecordedLayers = std::map<std::string, std::map<std::string, Recorded>>;

RecordedLayers RecordedOf(const runtime::Program& program) {
  RecordedLayers layers;
  for (size_t i = 0; i < program.states.size(); ++i) {
    absl::string_view name = program.states[i].name;
    if (!absl::ConsumePrefix(&name, step_interface::kActivationPrefix)) continue;
    // "o_input[3]"
    const size_t bracket = name.find('[');
    const std::string layer(name.substr(bracket + 1, name.size() - bracket - 2));
    const auto width = static_cast<size_t>(program.states[i].factor) / sizeof(float);
    layers[layer][std::string(name.substr(0, bracket))] = {static_cast<uint32_t>(i), width};
  }
  return layers;
}

// As GGUF files call it.
std::string FileNameOf(const std::string& layer, absl::string_view matrix) {
  return frontends::gguf::FileName(absl::StrCat("model.layers.", layer, ".", matrix, ".weight"));
}

// Adds up what is recorded of a model that reads a text.
class Sums {
 public:
  Sums(engine::Model* model, const runtime::Session* session, const engine::ModelFiles& files)
      : model_(model),
        session_(session),
        files_(files),
        layers_(RecordedOf(model->executable()->program())) {}

  // Of the first `tokens` positions of a sequence.
  absl::Status Add(size_t tokens) {
    for (const auto& [layer, inputs] : layers_) {
      for (const InputRow& row : kInputs) {
        const auto recorded = inputs.find(std::string(row.input));
        if (recorded == inputs.end()) continue;
        ASSIGN_OR_RETURN(const std::vector<float> rows, Read<float>(recorded->second, tokens));
        const auto [sums, is_new] = inputs_.try_emplace({layer, row.input});
        if (is_new) sums->second = Zeros(recorded->second.width);
        AddRows(rows, &sums->second);
      }
      if (inputs.count(kExperts) > 0) RETURN_IF_ERROR(AddExperts(layer, inputs, tokens));
    }
    return absl::OkStatus();
  }

  void MoveTo(Importance* importance) {
    for (const auto& [key, sums] : inputs_) {
      const auto& [layer, input] = key;
      for (const InputRow& row : kInputs) {
        if (row.input != input) continue;
        for (const absl::string_view matrix : row.matrices) {
          const std::string tensor = absl::StrCat("model.layers.", layer, ".", matrix, ".weight");
          if (matrix.empty() || files_.checkpoint->Find(tensor) == nullptr) continue;
          importance->matrices[FileNameOf(layer, matrix)] = sums;
        }
      }
    }
    for (auto& [name, sums] : experts_) importance->matrices[name] = std::move(sums);
  }

 private:
  template <typename T>
  absl::StatusOr<std::vector<T>> Read(const Recorded& recorded, size_t tokens) const {
    std::vector<T> rows(tokens * recorded.width);
    RETURN_IF_ERROR(model_->executable()->ReadState(session_->states(), recorded.state,
                                                    static_cast<int64_t>(rows.size() * sizeof(T)),
                                                    rows.data()));
    return rows;
  }

  // A token's input counts for each expert that it takes, and so does what that makes of it.
  absl::Status AddExperts(const std::string& layer, const std::map<std::string, Recorded>& inputs,
                          size_t tokens) {
    const Recorded& chosen = inputs.at(kExperts);
    const Recorded& input = inputs.at(kMlpInput);
    const size_t down_width = inputs.at(kExpertsDownInput).width / chosen.width;
    ASSIGN_OR_RETURN(const std::vector<int32_t> experts, Read<int32_t>(chosen, tokens));
    ASSIGN_OR_RETURN(const std::vector<float> rows, Read<float>(input, tokens));
    ASSIGN_OR_RETURN(const std::vector<float> downs,
                     Read<float>(inputs.at(kExpertsDownInput), tokens));
    Importance::Matrix* gate = ExpertsOf(layer, "gate_proj", input.width);
    Importance::Matrix* down = ExpertsOf(layer, "down_proj", down_width);
    for (size_t i = 0; i < experts.size(); ++i) {
      const size_t token = i / chosen.width;
      const auto expert = static_cast<size_t>(experts[i]);
      AddRow(absl::MakeConstSpan(rows).subspan(token * input.width, input.width), expert, gate);
      AddRow(absl::MakeConstSpan(downs).subspan(i * down_width, down_width), expert, down);
    }
    *ExpertsOf(layer, "up_proj", input.width) = *gate;
    return absl::OkStatus();
  }

  Importance::Matrix* ExpertsOf(const std::string& layer, const char* matrix, size_t columns) {
    const auto experts = static_cast<size_t>(files_.decoder.experts->count);
    const std::string name = FileNameOf(layer, absl::StrCat("mlp.experts.", matrix));
    return &experts_.try_emplace(name, Zeros(columns, experts)).first->second;
  }

  engine::Model* model_;
  const runtime::Session* session_;
  const engine::ModelFiles& files_;
  const RecordedLayers layers_;
  std::map<std::pair<std::string, absl::string_view>, Importance::Matrix> inputs_;
  std::map<std::string, Importance::Matrix> experts_;  // by GGUF's names
};

}  // namespace

engine::ModuleOptions ImportanceModule(engine::ModuleOptions module) {
  module.result = engine::StepResult::kHidden;
  module.record_inputs = true;
  return module;
}

absl::StatusOr<Importance> MeasureImportance(engine::Model* model, const engine::ModelFiles& files,
                                             const EvalText& text, const EvalOptions& options) {
  return MeasureImportance(model, files, TokensOf(*model->tokenizer(), text.text), text.name,
                           options);
}

absl::StatusOr<Importance> MeasureImportance(engine::Model* model, const engine::ModelFiles& files,
                                             const TextTokens& tokens, const std::string& text_name,
                                             const EvalOptions& options) {
  const auto total = static_cast<int64_t>(tokens.text.size());
  if (total == 0) return absl::InvalidArgumentError(absl::StrCat(text_name, ": has no tokens"));
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
  Sums sums(model, session.get(), files);
  Importance::Matrix head = Zeros(static_cast<size_t>(session->width()));
  Importance importance;
  importance.texts = {text_name};
  importance.window_tokens = window;
  for (int64_t begin = 0; begin < total; begin += window - front) {
    if (options.cancel != nullptr && options.cancel->load()) break;
    const int64_t end = std::min(total, begin + window - front);
    std::vector<int32_t> input = tokens.front;
    input.insert(input.end(), tokens.text.begin() + begin, tokens.text.begin() + end);
    session->Truncate(0, 0);
    const runtime::Chunk chunk{0, input, static_cast<int64_t>(input.size())};
    ASSIGN_OR_RETURN(const absl::Span<const float> hidden,
                     session->Evaluate(absl::MakeConstSpan(&chunk, 1)));
    const absl::Status finite = CheckFinite(hidden, head.columns(), begin - front, text_name);
    if (!finite.ok()) {
      return absl::InternalError(absl::StrCat(model->folder(), ": ", finite.message()));
    }
    AddRows(hidden, &head);
    RETURN_IF_ERROR(sums.Add(input.size()));
    ++importance.windows;
    if (options.progress) options.progress(end, total);
  }
  importance.matrices[kHead] = std::move(head);
  sums.MoveTo(&importance);
  const absl::Status checked = CheckSums(importance);
  if (!checked.ok()) {
    return absl::InternalError(absl::StrCat(model->folder(), ": ", checked.message()));
  }
  return importance;
}

std::string ImportanceText(const Importance& importance, const std::string& file) {
  const auto head = importance.matrices.find(kHead);
  const double tokens = head == importance.matrices.end() ? 0 : head->second.counts[0];
  return absl::StrCat(file, ": the importance of the columns of ", importance.matrices.size(),
                      " matrices, over ", static_cast<int64_t>(tokens), " tokens of ",
                      absl::StrJoin(importance.texts, ", "), " in ", importance.windows,
                      " windows\n");
}

}  // namespace lluda::tools
