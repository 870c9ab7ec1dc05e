// A smaller model that guesses what a larger one writes: both have one tokenizer, so its likeliest
// tokens are guesses of the larger one's.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<DraftModel> draft, DraftModel::Create(small.get(), *large));
//   options.speculate = Speculate::kDrafter;
//   options.drafter = draft.get();
//
// It computes what it has not seen of a text when it is asked, and keeps what it guessed right.
#ifndef LLUDA_ENGINE_DRAFT_MODEL_H_
#define LLUDA_ENGINE_DRAFT_MODEL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/draft/drafter.h"
#include "engine/model.h"
#include "runtime/session/session.h"

namespace lluda::engine {

class DraftModel : public Drafter {
 public:
  // For texts of `target`, in which no more of it can be guessed than `draft` holds in its context.
  // `draft` must outlive this. InvalidArgument, naming both models, if their tokenizers differ;
  // FailedPrecondition if the draft gives no logits.
  static absl::StatusOr<std::unique_ptr<DraftModel>> Create(Model* draft, const Model& target);

  void Begin(absl::Span<const int32_t> tokens) override;
  void Add(int32_t token) override { tokens_.push_back(token); }
  int64_t Most(int64_t limit) override;
  // Fewer where the draft cannot go on: guesses are no reason for an error.
  absl::Span<const int32_t> Guess(int64_t count) override;
  double Seconds(int64_t count) const override;

 private:
  DraftModel(Model* draft, std::unique_ptr<runtime::Session> session)
      : draft_(draft), session_(std::move(session)) {}
  // Forgets what the text does not begin with; its tokens that are left to compute.
  int64_t Missing() const;
  void KeepCommon();
  // The likeliest token after these, -1 if there is none.
  int32_t Next(absl::Span<const int32_t> tokens);

  Model* draft_;
  std::unique_ptr<runtime::Session> session_;
  std::vector<int32_t> tokens_;  // of the text
  std::vector<int32_t> held_;    // whose keys and values the session has, guesses among them
  std::vector<int32_t> guesses_;
  double one_ = 0;        // seconds of a step of a token, of late; 0: not measured
  double per_token_ = 0;  // of a token of a long step
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_DRAFT_MODEL_H_
