#include "tools/validate/validate_model.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/files/test_files.h"
#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kReference[] = "reference_data/tiny/reference.json";

absl::StatusOr<Validation> Validate(const std::string& reference,
                                    engine::Precision precision = engine::Precision::kF32) {
  engine::LoadOptions options;
  auto source = engine::OpenModelSource("reference_data/tiny");
  if (!source.ok()) return source.status();
  options.source = *source;
  options.module.precision = precision;
  options.threads = 1;
  options.need_tokenizer = false;
  return ValidateModel(options, {reference, engine::Model::Load});
}

// The reference as JSON alone, with `from` in the place of `to` everywhere: what it says of logits
// and activations in its .safetensors is not beside it.
std::string Edited(const base::TemporaryFolder& folder, const std::string& from,
                   const std::string& to) {
  const std::string text = base::ReadAll(kReference);
  EXPECT_THAT(text, HasSubstr(from));
  return folder.Write("reference.json", absl::StrReplaceAll(text, {{from, to}}));
}

TEST(ValidateModelTest, AModelPassesTheReferenceThatWasMadeOfIt) {
  for (const engine::Precision precision : {engine::Precision::kF32, engine::Precision::kBF16}) {
    const auto validation = Validate(kReference, precision);
    ASSERT_TRUE(validation.ok()) << validation.status();
    EXPECT_TRUE(validation->Passed()) << ValidationText(*validation);
    EXPECT_EQ(validation->precision, engine::PrecisionName(precision));
    ASSERT_THAT(validation->prompts, Not(IsEmpty()));
    ASSERT_THAT(validation->results, SizeIs(validation->prompts.size()));
    for (const PromptResult& result : validation->results) {
      ASSERT_TRUE(result.distance.has_value());
      EXPECT_LT(result.distance->nmse, result.nmse_bound);
    }
    // The first prompt's activations are in the reference, and were recorded and compared.
    EXPECT_THAT(validation->results[0].activations, Not(IsEmpty()));
    EXPECT_EQ(validation->cache_error, std::nullopt);
  }
}

TEST(ValidateModelTest, AnotherLikeliestTokenFallsShort) {
  const base::TemporaryFolder folder;
  const auto whole = LoadReference(kReference);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const int64_t next = *whole->front().next;
  const auto validation = Validate(Edited(folder, absl::StrCat("\"next\": ", next, ","),
                                          absl::StrCat("\"next\": ", next + 1, ",")));
  ASSERT_TRUE(validation.ok()) << validation.status();
  EXPECT_FALSE(validation->Passed());
  EXPECT_THAT(validation->results[0].shortcomings, Contains("next"));
}

TEST(ValidateModelTest, WhatTheReferenceDoesNotHaveIsNotCompared) {
  const base::TemporaryFolder folder;
  const auto validation = Validate(folder.Write("reference.json", base::ReadAll(kReference)));
  ASSERT_TRUE(validation.ok()) << validation.status();
  EXPECT_TRUE(validation->Passed()) << ValidationText(*validation);
  for (const PromptResult& result : validation->results) {
    EXPECT_EQ(result.distance, std::nullopt);
    EXPECT_THAT(result.activations, IsEmpty());
  }
}

TEST(ValidateModelTest, AReferenceThatIsNotThereOrOfAnotherModelIsAnError) {
  EXPECT_THAT(std::string(Validate("no/reference.json").status().message()),
              HasSubstr("no/reference.json"));
  const auto other = Validate("reference_data/stories/reference.json");
  EXPECT_THAT(std::string(other.status().message()),
              HasSubstr("stories/reference.json: prompts[0]: "));
}

}  // namespace
}  // namespace lluda::tools
