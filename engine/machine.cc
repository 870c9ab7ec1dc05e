#include "engine/machine.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/machine/memory_limit.h"
#include "runtime/memory_need.h"
#include "runtime/session/session.h"

namespace lluda::engine {
namespace {

// Of LLVM, for some thirty kernels on several threads.
constexpr int64_t kCompileBytes = 64'000'000;

absl::Status Refusal(absl::string_view model, const absl::Status& left) {
  if (left.ok()) return left;
  return absl::ResourceExhaustedError(
      absl::StrCat(model, ": ", left.message(), "; --force loads it all the same"));
}

}  // namespace

void NoteThreads(const runtime::ThreadPool& pool, std::vector<std::string>* notes) {
  if (!pool.problem().empty()) notes->push_back(pool.problem());
}

absl::Status CheckMemory(absl::string_view model, const LoadOptions& options,
                         const runtime::Program& program, int threads,
                         std::optional<int64_t> context) {
  if (options.force) return absl::OkStatus();
  std::vector<int64_t> dims;
  if (context) {
    ASSIGN_OR_RETURN(dims, runtime::StateDims(program, {/*slots=*/1, *context}));
  }
  const runtime::MemoryNeed need = runtime::MemoryNeedOf(program, threads, dims);
  const std::string parts = absl::StrCat("(weights ", runtime::Megabytes(need.weights),
                                         ", KV cache ", runtime::Megabytes(need.states),
                                         ", to work in ", runtime::Megabytes(need.working), ")");
  return Refusal(model, runtime::CheckMemoryLeft(need.total(), parts));
}

absl::Status CheckCompileMemory(absl::string_view model, const LoadOptions& options) {
  if (options.force) return absl::OkStatus();
  return Refusal(model, runtime::CheckMemoryLeft(kCompileBytes, "to be compiled"));
}

}  // namespace lluda::engine
