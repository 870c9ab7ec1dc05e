// Logits of a loaded model, as tests of whole models compare them.
//
//   const std::vector<float> whole = Copy(OpenSession(model.get())->Evaluate(prompt));
//   EXPECT_TRUE(SameBits(last, whole));
//   EXPECT_LT(RelativeDistance(whole, folder.plain().Logits(prompt)), 1e-10);
#ifndef LLUDA_TESTS_SUPPORT_MODEL_LOGITS_H_
#define LLUDA_TESTS_SUPPORT_MODEL_LOGITS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model.h"
#include "runtime/session/session.h"

namespace lluda::tests {

// The test ends if there can be none.
std::unique_ptr<runtime::Session> OpenSession(engine::Model* model, int slots = 1);

// None, and a failure, for an error.
std::vector<float> Copy(const absl::StatusOr<absl::Span<const float>>& logits);

bool SameBits(const std::vector<float>& a, const std::vector<float>& b);

// ||ours - theirs||^2 / ||theirs||^2; 1 if they are not as many.
double RelativeDistance(const std::vector<float>& ours, const std::vector<double>& theirs);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_MODEL_LOGITS_H_
