#include "cli/flags/draft.h"

#include "base/status_macros.h"
#include "cli/flags/generation_flags.h"
#include "cli/flags/model_flags.h"

namespace lluda::cli {

absl::StatusOr<Draft> OpenDraft(const GenerateFlags& flags, const engine::Model& target) {
  Draft draft;
  if (SpeculateOf(flags) != engine::Speculate::kDrafter) return draft;
  // On the same machine, with as long a context; in which numbers it guesses is its own business.
  ModelFlags own;
  own.model = flags.speculate;
  own.isa = flags.model.isa;
  own.device = flags.model.device;
  own.threads = flags.model.threads;
  own.force = flags.model.force;
  own.use_cache = flags.model.use_cache;
  ASSIGN_OR_RETURN(draft.model, LoadModel(own, /*need_tokenizer=*/true));
  ASSIGN_OR_RETURN(draft.drafter, engine::DraftModel::Create(draft.model.get(), target));
  return draft;
}

}  // namespace lluda::cli
