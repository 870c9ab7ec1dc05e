#include "tests/support/model_logits.h"

#include <cstring>
#include <utility>

#include "gtest/gtest.h"

namespace lluda::tests {

std::unique_ptr<runtime::Session> OpenSession(engine::Model* model, int slots) {
  auto session = runtime::Session::Create(model->executable(), {slots});
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

std::vector<float> Copy(const absl::StatusOr<absl::Span<const float>>& logits) {
  EXPECT_TRUE(logits.ok()) << logits.status();
  return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double RelativeDistance(const std::vector<float>& ours, const std::vector<double>& theirs) {
  if (ours.size() != theirs.size()) return 1;
  double error = 0, total = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    error += (ours[i] - theirs[i]) * (ours[i] - theirs[i]);
    total += theirs[i] * theirs[i];
  }
  return error / total;
}

}  // namespace lluda::tests
