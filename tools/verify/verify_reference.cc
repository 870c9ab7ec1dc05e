#include "tools/verify/verify_reference.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "tools/validate/bounds.h"
#include "tools/validate/compare.h"
#include "tools/verify/verify_slice.h"

namespace lluda::tools {
namespace {

// "q_proj[3]" of `append @act_q_proj[layer] ...` in layer 3; "" for any other statement.
std::string ActivationName(const ir::Op& op, int64_t index) {
  if (op.opcode() != ir::Opcode::kAppend) return "";
  const ir::Global& state = *op.operand(0).global;
  absl::string_view name = state.name;
  if (!absl::ConsumePrefix(&name, step_interface::kActivationPrefix)) return "";
  return state.index ? absl::StrCat(name, "[", index, "]") : std::string(name);
}

const ReferenceActivation* FindActivation(const ReferencePrompt& prompt, const std::string& name) {
  for (const ReferenceActivation& activation : prompt.activations) {
    if (activation.name == name) return &activation;
  }
  return nullptr;
}

absl::StatusOr<std::optional<Finding>> VerifyPrompt(const ir::Module& module, const VerifyRun& run,
                                                    const ReferencePrompt& prompt,
                                                    const engine::ModuleOptions& numbers) {
  std::optional<Finding> finding;
  size_t compared = 0;
  const absl::StatusOr<std::vector<ir::Tensor>> logits = Interpret(
      module, run,
      [&](const ValueKey& key, const ir::Op& op, const ir::Tensor& result) -> absl::Status {
        const std::string name = ActivationName(op, std::get<2>(key));
        const ReferenceActivation* expected = name.empty() ? nullptr : FindActivation(prompt, name);
        if (expected == nullptr) return absl::OkStatus();
        // The state holds [slot, position, ...], the activation those positions that are tokens.
        const int64_t width = result.size() / (result.extent(step_interface::kSlotAxis) *
                                               result.extent(step_interface::kPositionAxis));
        if (static_cast<int64_t>(expected->values.size()) !=
            width * static_cast<int64_t>(prompt.ids.size())) {
          return absl::InvalidArgumentError(absl::StrCat(
              "the reference's activation ", expected->module, " has ", expected->values.size(),
              " elements, the model's has ", width, " for each of ", prompt.ids.size(), " tokens"));
        }
        ++compared;
        const auto hf = prompt.hf_bf16_activation_nmse.find(expected->module);
        const double bound = ActivationBound(numbers.precision,
                                             hf == prompt.hf_bf16_activation_nmse.end()
                                                 ? std::nullopt
                                                 : std::make_optional(hf->second),
                                             CoarseNumbersOf(numbers));
        const double nmse =
            Compare({result.floats().data(), expected->values.size()}, expected->values).nmse;
        if (nmse < bound) return absl::OkStatus();
        finding.emplace();
        finding->culprit = absl::StrCat("import of ", expected->module);
        std::tie(finding->step, finding->func, finding->index, std::ignore, std::ignore) = key;
        finding->nmse = nmse;
        finding->bound = bound;
        const ir::Value* value = op.operand(1).value;
        finding->statement = value->name;
        const ir::Op& made = value->def() == nullptr ? op : *value->def();
        ASSIGN_OR_RETURN(finding->repro, SliceText(module, made, KernelInputs(made)));
        return absl::AbortedError("found");
      });
  if (finding && !finding->repro.empty()) return finding;
  if (!logits.ok()) return logits.status();
  if (compared != prompt.activations.size()) {
    return absl::InvalidArgumentError(absl::StrCat("of the reference's ", prompt.activations.size(),
                                                   " activations the model has ", compared));
  }
  return finding;
}

}  // namespace

absl::StatusOr<std::optional<Finding>> VerifyReference(
    const ir::Module& module,
    const std::function<absl::StatusOr<ir::Tensor>(const ir::Global& weight, int64_t index)>&
        weights,
    const std::vector<ReferencePrompt>& prompts, const engine::ModuleOptions& numbers) {
  bool any = false;
  for (const ReferencePrompt& prompt : prompts) {
    if (prompt.activations.empty()) continue;
    any = true;
    const VerifyRun run{weights, {}, {{prompt.ids.begin(), prompt.ids.end()}}};
    absl::StatusOr<std::optional<Finding>> found = VerifyPrompt(module, run, prompt, numbers);
    if (!found.ok() || *found) return found;
  }
  if (any) return std::optional<Finding>();
  return absl::FailedPreconditionError("no prompt of the reference has activations");
}

}  // namespace lluda::tools
