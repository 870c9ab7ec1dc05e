#include "engine/service/service_plan.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "runtime/memory_need.h"
#include "runtime/session.h"

namespace lluda::engine {
namespace {

// Of a token of the vocabulary, on each thread that chooses: scores, candidates, their order.
constexpr int64_t kSamplerBytes = 24;
// Of a token of a sequence: its number in the sequence, the slot, the result and the listener's
// hands; some bytes of text; its count for the penalties.
constexpr int64_t kTokenBytes = 48;
// Of a sequence without tokens.
constexpr int64_t kSequenceBytes = int64_t{16} << 10;

}  // namespace

absl::StatusOr<ServicePlan> PlanService(const runtime::Program& program, int threads,
                                        const ServiceOptions& options,
                                        std::optional<runtime::MemoryLimit> limit) {
  runtime::SessionOptions session;
  session.slots = options.slots;
  session.context = options.context;
  ASSIGN_OR_RETURN(const std::vector<int64_t> dims, runtime::StateDims(program, session));
  ServicePlan plan;
  plan.slots = options.slots;
  plan.limit = std::move(limit);
  int64_t program_slots = 0;
  for (size_t i = 0; i < program.symbols.size(); ++i) {
    const runtime::SymbolRange& symbol = program.symbols[i];
    if (symbol.name == step_interface::kCapacity) {
      plan.context = options.context == 0 ? symbol.max : options.context;
    }
    if (symbol.name == step_interface::kSlotCount) program_slots = symbol.max;
  }
  const runtime::MemoryNeed need = runtime::MemoryNeedOf(program, threads, dims);
  plan.weights = need.weights;
  plan.frame = program.frame_bytes;
  plan.workspace = need.working - program.frame_bytes;
  const int64_t row_bytes = program.entry(step_interface::kStep).result.factor;
  const int64_t vocabulary = row_bytes / static_cast<int64_t>(sizeof(float));
  const int64_t sampling = threads * vocabulary * kSamplerBytes;
  plan.logits = options.slots * row_bytes + sampling;
  plan.cache = need.states;
  plan.cache_of_a_slot = need.states / options.slots;
  plan.sequence = kSequenceBytes + plan.context * kTokenBytes;
  plan.queue = options.max_queue_bytes;
  plan.most_slots = program_slots;
  if (plan.limit) {
    const int64_t of_slots = plan.limit->left - sampling - plan.queue;
    const int64_t of_a_slot = plan.cache_of_a_slot + row_bytes + plan.sequence;
    plan.most_slots = std::clamp<int64_t>(of_slots / of_a_slot, 0, program_slots);
  }
  return plan;
}

absl::Status CheckPlan(const ServicePlan& plan) {
  if (!plan.limit || plan.more() <= plan.limit->left) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      plan.slots, " slots of ", plan.context, " tokens need ", runtime::Megabytes(plan.more()),
      " of memory more, ", plan.limit->name, " leaves ", runtime::Megabytes(plan.limit->left), ": ",
      plan.most_slots, " slots would fit"));
}

std::string PlanText(const ServicePlan& plan) {
  const std::pair<const char*, int64_t> rows[] = {
      {"weights, packed", plan.weights},
      {"activations", plan.frame},
      {"kernels' scratch and workspace", plan.workspace},
      {"logits and choosing of tokens", plan.logits},
      {"keys and values", plan.cache},
      {"tokens and text of sequences", plan.slots * plan.sequence},
      {"prompts in the queue, at most", plan.queue},
      {"all", plan.total()},
      {"of it still to be taken", plan.more()},
  };
  std::string text =
      absl::StrFormat("%d slots of %d tokens, %s of keys and values each\n", plan.slots,
                      plan.context, runtime::Megabytes(plan.cache_of_a_slot));
  for (const auto& [name, bytes] : rows) {
    absl::StrAppendFormat(&text, "%-32s %14s\n", name, runtime::Megabytes(bytes));
  }
  if (plan.limit) {
    absl::StrAppendFormat(&text, "%-32s %14s\n", absl::StrCat("left by ", plan.limit->name),
                          runtime::Megabytes(plan.limit->left));
    absl::StrAppendFormat(&text, "%-32s %14d\n", "slots that would fit", plan.most_slots);
  }
  return text;
}

}  // namespace lluda::engine
