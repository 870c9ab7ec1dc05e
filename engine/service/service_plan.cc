#include "engine/service/service_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "runtime/memory_need.h"
#include "runtime/session/page_budget.h"
#include "runtime/session/session.h"
#include "runtime/session/state_memory.h"

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
  ASSIGN_OR_RETURN(const runtime::StateMemory memory, runtime::StateMemoryOf(program, session));
  ServicePlan plan;
  plan.slots = options.slots;
  plan.limit = std::move(limit);
  plan.context = options.context;
  for (const runtime::SymbolRange& symbol : program.symbols) {
    if (plan.context == 0 && symbol.name == step_interface::kCapacity) plan.context = symbol.max;
  }
  const runtime::MemoryNeed need = runtime::MemoryNeedOf(program, threads, {});
  plan.weights = need.weights;
  plan.frame = program.frame_bytes;
  plan.workspace = need.working - program.frame_bytes;
  const int64_t row_bytes = program.entry(step_interface::kStep).result.factor;
  const int64_t vocabulary = row_bytes / static_cast<int64_t>(sizeof(float));
  plan.logits = options.slots * row_bytes + threads * vocabulary * kSamplerBytes;
  plan.sequence = kSequenceBytes + plan.context * kTokenBytes;
  plan.queue = options.max_queue_bytes;
  const int64_t slot_pages = runtime::PageBudget::PagesOf(plan.context);
  const int64_t all_pages = options.slots * slot_pages;
  // As many as fit; those of states that are there in full in any case, all or none.
  const auto pages_in = [&](int64_t bytes) -> int64_t {
    const int64_t left = bytes - memory.Bytes(0);
    if (left < 0) return 0;
    return memory.page_bytes() == 0 ? all_pages : std::min(all_pages, left / memory.page_bytes());
  };
  plan.cache_of_a_slot = memory.Bytes(all_pages) / options.slots;
  if (plan.limit) {
    const int64_t pages = pages_in(plan.limit->left - plan.more());
    if (pages >= slot_pages) plan.most_cache = memory.Bytes(pages);
  }
  plan.pages = all_pages;
  if (options.cache_bytes > 0) {
    plan.pages = pages_in(options.cache_bytes);
    if (plan.pages < slot_pages) {
      return absl::InvalidArgumentError(absl::StrCat(
          runtime::Megabytes(options.cache_bytes), " of keys and values do not hold a context of ",
          plan.context, " tokens, which takes ", runtime::Megabytes(memory.Bytes(slot_pages))));
    }
  } else if (plan.limit) {
    plan.pages = std::max(slot_pages, pages_in(plan.limit->left / 2));
  }
  plan.cache = memory.Bytes(plan.pages);
  return plan;
}

absl::Status CheckPlan(const ServicePlan& plan) {
  if (!plan.limit || plan.more() <= plan.limit->left) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      plan.slots, " slots of ", plan.context, " tokens with ", runtime::Megabytes(plan.cache),
      " of keys and values need ", runtime::Megabytes(plan.more()), " of memory more, ",
      plan.limit->name, " leaves ", runtime::Megabytes(plan.limit->left), ": ",
      plan.most_cache > 0
          ? absl::StrCat(runtime::Megabytes(plan.most_cache), " of keys and values would fit")
          : "fewer slots or a shorter context may fit"));
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
      absl::StrFormat("%d slots of %d tokens, %s of keys and values if full; %d pages of %d\n",
                      plan.slots, plan.context, runtime::Megabytes(plan.cache_of_a_slot),
                      plan.pages, runtime::PageBudget::kPagePositions);
  for (const auto& [name, bytes] : rows) {
    absl::StrAppendFormat(&text, "%-32s %14s\n", name, runtime::Megabytes(bytes));
  }
  if (plan.limit) {
    absl::StrAppendFormat(&text, "%-32s %14s\n", absl::StrCat("left by ", plan.limit->name),
                          runtime::Megabytes(plan.limit->left));
    absl::StrAppendFormat(&text, "%-32s %14s\n", "keys and values that would fit",
                          runtime::Megabytes(plan.most_cache));
  }
  return text;
}

}  // namespace lluda::engine
