// The model that --speculate names, which guesses what another one writes.
//
//   ASSIGN_OR_RETURN(Draft draft, OpenDraft(flags, *model));
//   options.drafter = draft.drafter.get();    // null with --speculate off and prompt
#ifndef LLUDA_CLI_FLAGS_DRAFT_H_
#define LLUDA_CLI_FLAGS_DRAFT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cli/flags/flags.h"
#include "engine/draft_model.h"
#include "engine/model.h"

namespace lluda::cli {

struct Draft {
  std::unique_ptr<engine::Model> model;
  std::unique_ptr<engine::DraftModel> drafter;  // goes before the model
};

// Errors as of LoadModel, and InvalidArgument if its tokenizer is not the target's.
absl::StatusOr<Draft> OpenDraft(const GenerateFlags& flags, const engine::Model& target);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_DRAFT_H_
