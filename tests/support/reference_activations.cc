#include "tests/support/reference_activations.h"

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/safetensors.h"
#include "tools/validate/reference.h"

namespace lluda::tests {
namespace {

using frontends::SafetensorsFile;
using frontends::TensorView;

absl::Status ReadIds(const TensorView& tensor, std::vector<int32_t>* ids) {
  if (tensor.dtype != ir::DType::kI64) return absl::InvalidArgumentError(tensor.name);
  std::vector<int64_t> wide(tensor.bytes / sizeof(int64_t));
  std::memcpy(wide.data(), tensor.data, tensor.bytes);
  ids->assign(wide.begin(), wide.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ReferenceActivations>> LoadActivations(const std::string& path) {
  ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(absl::StrCat(path, ".safetensors")));
  ASSIGN_OR_RETURN(auto entries, tools::LoadReference(absl::StrCat(path, ".json")));
  std::vector<ReferenceActivations> prompts;
  for (size_t i = 0;; ++i) {
    const std::string prefix = absl::StrCat("p", i, ".");
    if (file.Find(absl::StrCat(prefix, "embed")) == nullptr) return prompts;
    if (i >= entries.size()) return absl::OutOfRangeError(absl::StrCat(prefix, "embed"));
    ReferenceActivations prompt;
    prompt.hf_bf16_nmse = std::move(entries[i].hf_bf16_activation_nmse);
    const TensorView* ids = file.Find(absl::StrCat(prefix, "input_ids"));
    if (ids == nullptr) return absl::NotFoundError(absl::StrCat(prefix, "input_ids"));
    RETURN_IF_ERROR(ReadIds(*ids, &prompt.ids));
    for (const TensorView& tensor : file.tensors()) {
      if (!absl::StartsWith(tensor.name, prefix) || tensor.dtype != ir::DType::kF32) continue;
      std::vector<float> values(tensor.bytes / sizeof(float));
      std::memcpy(values.data(), tensor.data, tensor.bytes);
      prompt.activations.emplace(tensor.name.substr(prefix.size()), std::move(values));
    }
    prompts.push_back(std::move(prompt));
  }
}

}  // namespace lluda::tests
