#include "tools/validate/reference.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/safetensors.h"
#include "tools/validate/compare.h"

namespace lluda::tools {
namespace {

using base::DescribeJson;
using simdjson::dom::element;

constexpr char kLogits[] = "logits_last";

// The fields of one prompt. The first error is kept; after it nothing is read.
class PromptReader {
 public:
  PromptReader(simdjson::dom::object fields, std::string label)
      : fields_(fields), label_(std::move(label)) {}

  void Text(const char* key, std::optional<std::string>* value) {
    element found;
    if (!Find(key, &found)) return;
    std::string_view text;
    if (found.get(text) != simdjson::SUCCESS) return Fail(key, "a string", found);
    *value = std::string(text);
  }

  void Int(const char* key, std::optional<int64_t>* value) {
    element found;
    if (!Find(key, &found)) return;
    int64_t number = 0;
    if (found.get(number) != simdjson::SUCCESS) return Fail(key, "an integer", found);
    *value = number;
  }

  void Number(const char* key, std::optional<double>* value) {
    element found;
    if (!Find(key, &found)) return;
    double number = 0;
    if (found.get(number) != simdjson::SUCCESS) return Fail(key, "a number", found);
    *value = number;
  }

  void Tokens(const char* key, std::vector<int32_t>* values) {
    element found;
    if (!Find(key, &found)) return;
    simdjson::dom::array array;
    if (found.get(array) != simdjson::SUCCESS) return Fail(key, "a list of tokens", found);
    for (const element item : array) {
      int64_t number = 0;
      if (item.get(number) != simdjson::SUCCESS || number < 0 ||
          number > std::numeric_limits<int32_t>::max()) {
        return Fail(key, "a list of tokens", item);
      }
      values->push_back(static_cast<int32_t>(number));
    }
  }

  // Each alone, or with its logit behind it.
  void TokensOrPairs(const char* key, std::vector<int32_t>* values) {
    element found;
    simdjson::dom::array array;
    if (!Find(key, &found)) return;
    if (found.get(array) != simdjson::SUCCESS || array.begin() == array.end() ||
        !(*array.begin()).is_array()) {
      return Tokens(key, values);
    }
    for (const element item : array) {
      int64_t number = 0;
      if (item.at(0).get(number) != simdjson::SUCCESS || number < 0 ||
          number > std::numeric_limits<int32_t>::max()) {
        return Fail(key, "a list of tokens with their logits", item);
      }
      values->push_back(static_cast<int32_t>(number));
    }
  }

  void Numbers(const char* key, std::vector<double>* values) {
    element found;
    if (!Find(key, &found)) return;
    simdjson::dom::array array;
    if (found.get(array) != simdjson::SUCCESS) return Fail(key, "a list of numbers", found);
    for (const element item : array) {
      double number = 0;
      if (item.get(number) != simdjson::SUCCESS) return Fail(key, "a list of numbers", item);
      values->push_back(number);
    }
  }

  void NumberOfEach(const char* key, std::map<std::string, double>* values) {
    element found;
    if (!Find(key, &found)) return;
    simdjson::dom::object object;
    if (found.get(object) != simdjson::SUCCESS) {
      return Fail(key, "an object of numbers", found);
    }
    for (const auto field : object) {
      double number = 0;
      if (field.value.get(number) != simdjson::SUCCESS) {
        return Fail(absl::StrCat(key, ".", std::string(field.key)), "a number", field.value);
      }
      values->emplace(field.key, number);
    }
  }

  // The same reader for an object in a field; of no fields if it is absent.
  PromptReader Object(const char* key) {
    element found;
    simdjson::dom::object object;
    PromptReader reader(fields_, absl::StrCat(label_, ".", key));
    reader.status_ = status_;
    reader.empty_ = !Find(key, &found);
    if (!reader.empty_ && found.get(object) != simdjson::SUCCESS) {
      reader.Fail("", "an object", found);
    } else {
      reader.fields_ = object;
    }
    return reader;
  }

  const absl::Status& status() const { return status_; }
  void Fail(absl::string_view key, absl::string_view expected, const element& found) {
    const absl::string_view dot = key.empty() ? "" : ".";
    Fail(absl::StrCat(label_, dot, key, " must be ", expected, ", is ", DescribeJson(found)));
  }
  void Fail(absl::string_view message) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(message);
  }
  const std::string& label() const { return label_; }

 private:
  // False if it is absent or null.
  bool Find(const char* key, element* found) {
    return status_.ok() && !empty_ && fields_.at_key(key).get(*found) == simdjson::SUCCESS &&
           !found->is_null();
  }

  simdjson::dom::object fields_;
  std::string label_;
  absl::Status status_;
  bool empty_ = false;
};

absl::StatusOr<ReferencePrompt> ReadPrompt(simdjson::dom::object fields, std::string label) {
  ReferencePrompt prompt;
  PromptReader reader(fields, std::move(label));
  reader.Tokens("ids", &prompt.ids);
  reader.Text("text", &prompt.text);
  reader.Int("next", &prompt.next);
  reader.Number("next_logit", &prompt.next_logit);
  reader.Text("name", &prompt.name);
  reader.TokensOrPairs("top10", &prompt.top10);
  reader.Tokens("greedy", &prompt.greedy);
  reader.Numbers("greedy_margin", &prompt.greedy_margin);
  reader.Numbers("greedy_router_margin", &prompt.greedy_router_margin);
  reader.Number("router_margin_min", &prompt.router_margin_min);
  reader.Number("mean_nll", &prompt.mean_nll);
  PromptReader bf16 = reader.Object("hf_bf16_vs_f32");
  if (prompt.name) {
    // The logits are one of them.
    reader.NumberOfEach("hf_bf16_vs_f32", &prompt.hf_bf16_activation_nmse);
    bf16.Number(kLogits, &prompt.hf_bf16_nmse);
  } else {
    bf16.Number("mse", &prompt.hf_bf16_mse);
    bf16.NumberOfEach("activation_nmse", &prompt.hf_bf16_activation_nmse);
  }
  if (prompt.ids.empty()) reader.Fail(absl::StrCat(reader.label(), ".ids is missing or empty"));
  const std::pair<const char*, const std::vector<double>*> margins[] = {
      {"greedy_margin", &prompt.greedy_margin},
      {"greedy_router_margin", &prompt.greedy_router_margin},
  };
  for (const auto& [name, values] : margins) {
    if (values->empty() || values->size() == prompt.greedy.size()) continue;
    reader.Fail(absl::StrCat(reader.label(), ".", name, " has ", values->size(),
                             " items, greedy has ", prompt.greedy.size()));
  }
  if (!reader.status().ok()) return reader.status();
  if (!bf16.status().ok()) return bf16.status();
  return prompt;
}

// Reads a tensor of F32, if it is there.
absl::Status ReadTensor(const frontends::SafetensorsFile& file, const std::string& name,
                        size_t dimensions, std::vector<float>* values) {
  if (file.Find(name) == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const frontends::TensorView* tensor, file.Get(name));
  if (tensor->dtype != ir::DType::kF32 || tensor->shape.size() < dimensions) {
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": tensor '", name,
                                                   "' must be F32 with ", dimensions,
                                                   " or more dimensions, is ", tensor->dtype_name,
                                                   " [", absl::StrJoin(tensor->shape, ", "), "]"));
  }
  values->resize(tensor->bytes / sizeof(float));
  if (!values->empty()) std::memcpy(values->data(), tensor->data, tensor->bytes);
  return absl::OkStatus();
}

// "layer3.self_attn.q_proj" is what the engine calls "q_proj[3]", and "text.in3", which goes into layer
// 3, "out[2]"; "" if it has no such activation.
std::string EngineName(absl::string_view module) {
  if (module == "embed" || module == "text.in0") return "embed";
  absl::string_view input = module;
  int64_t into = 0;
  if (absl::ConsumePrefix(&input, "text.in") && absl::SimpleAtoi(input, &into) && into > 0) {
    return absl::StrCat("out[", into - 1, "]");
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(module, '.');
  int layer = 0;
  absl::string_view first = parts[0];
  if (parts.size() < 2 || !absl::ConsumePrefix(&first, "layer") ||
      !absl::SimpleAtoi(first, &layer)) {
    return "";
  }
  return absl::StrCat(parts.back(), "[", layer, "]");
}

// NAME.input_features [sounds, mel bins, frames], of which NAME.feature_attention_mask [sounds, frames]
// says which frames count: the first ones.
absl::Status ReadSounds(const frontends::SafetensorsFile& file, const std::string& prefix,
                        ReferencePrompt* prompt) {
  RETURN_IF_ERROR(ReadTensor(file, prefix + "audio.embeds", 2, &prompt->heard));
  std::vector<float> features;
  RETURN_IF_ERROR(ReadTensor(file, prefix + "input_features", 3, &features));
  if (features.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const frontends::TensorView* tensor, file.Get(prefix + "input_features"));
  const int64_t bins = tensor->shape[1], frames = tensor->shape[2];
  const std::string mask_name = prefix + "feature_attention_mask";
  const frontends::TensorView* mask = file.Find(mask_name);
  const auto sounds = static_cast<size_t>(tensor->shape[0]);
  const auto places = static_cast<size_t>(frames);
  if (mask != nullptr &&
      (mask->dtype != ir::DType::kI64 || mask->bytes != sounds * places * sizeof(int64_t))) {
    return absl::InvalidArgumentError(absl::StrCat(file.path(), ": tensor '", mask_name,
                                                   "' must be I64 [", sounds, ", ", frames, "]"));
  }
  for (size_t sound = 0; sound < sounds; ++sound) {
    ReferenceSound& read = prompt->sounds.emplace_back();
    read.frames = frames;
    if (mask != nullptr) {
      std::vector<int64_t> counts(places);
      std::memcpy(counts.data(), mask->data + sound * places * sizeof(int64_t),
                  places * sizeof(int64_t));
      read.frames = std::count(counts.begin(), counts.end(), 1);
    }
    for (int64_t bin = 0; bin < bins; ++bin) {
      const auto row = features.begin() + (static_cast<int64_t>(sound) * bins + bin) * frames;
      read.features.insert(read.features.end(), row, row + read.frames);
    }
  }
  return absl::OkStatus();
}

absl::Status ReadTensors(const frontends::SafetensorsFile& file, size_t number,
                         ReferencePrompt* prompt) {
  const std::string prefix = prompt->name ? *prompt->name + "." : absl::StrCat("p", number, ".");
  absl::Status status = ReadTensor(file, prefix + kLogits, 1, &prompt->logits);
  if (status.ok()) status = ReadSounds(file, prefix, prompt);
  for (const frontends::TensorView& tensor : file.tensors()) {
    absl::string_view module = tensor.name;
    if (!absl::ConsumePrefix(&module, prefix) || !status.ok()) continue;
    ReferenceActivation activation;
    activation.name = EngineName(module);
    if (activation.name.empty()) continue;
    activation.module = std::string(module);
    status = ReadTensor(file, tensor.name, 2, &activation.values);
    prompt->activations.push_back(std::move(activation));
  }
  return status;
}

}  // namespace

bool ContradictsItself(const ReferencePrompt& prompt) {
  if (!prompt.next || prompt.greedy.empty() || prompt.greedy[0] == *prompt.next) return false;
  return prompt.greedy_margin.empty() || prompt.greedy_margin[0] >= kDecidedMargin;
}

absl::StatusOr<std::vector<ReferencePrompt>> LoadReference(const std::string& path) {
  ASSIGN_OR_RETURN(base::JsonDocument document, base::JsonDocument::Load(path));
  simdjson::dom::array entries;
  if (document.root().dom().at_key("prompts").get(entries) != simdjson::SUCCESS ||
      entries.begin() == entries.end()) {
    return document.root().FieldError("prompts", "must be a list of at least one prompt");
  }
  std::vector<ReferencePrompt> prompts;
  for (const element entry : entries) {
    std::string label = absl::StrCat(path, ": prompts[", prompts.size(), "]");
    simdjson::dom::object fields;
    if (entry.get(fields) != simdjson::SUCCESS) {
      return absl::InvalidArgumentError(
          absl::StrCat(label, " must be an object, is ", DescribeJson(entry)));
    }
    ASSIGN_OR_RETURN(ReferencePrompt prompt, ReadPrompt(fields, std::move(label)));
    prompts.push_back(std::move(prompt));
  }
  if (!absl::EndsWith(path, ".json")) return prompts;
  absl::StatusOr<frontends::SafetensorsFile> tensors = frontends::SafetensorsFile::Open(
      absl::StrCat(absl::StripSuffix(path, ".json"), ".safetensors"));
  if (absl::IsNotFound(tensors.status())) return prompts;
  if (!tensors.ok()) return tensors.status();
  for (size_t i = 0; i < prompts.size(); ++i) {
    RETURN_IF_ERROR(ReadTensors(*tensors, i, &prompts[i]));
  }
  return prompts;
}

}  // namespace lluda::tools
