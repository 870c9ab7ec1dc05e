// A GGUF file gives the logits of the folder that it was written from, to the bit: for every
// architecture that it can name, in both precisions, with matrices in bf16 and in f32.
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "base/files/test_files.h"
#include "engine/model.h"
#include "gtest/gtest.h"
#include "runtime/session/session.h"
#include "tests/support/gguf_copy.h"
#include "tests/support/seeded_families.h"

namespace lluda::tests {
namespace {

using engine::Precision;

FamilyCase Family(const std::string& name) {
  for (FamilyCase& family : FamilyCases()) {
    if (family.name == name) return std::move(family);
  }
  ADD_FAILURE() << "there is no case " << name;
  return {};
}

// What a file says of Llama 3's frequencies: what each is divided by, as converters compute it.
GgufCopy Llama3() {
  GgufCopy copy{"llama", Family("llama3"), 500000, /*paired_rows=*/true};
  std::vector<float>& divisors = copy.vectors["rope_freqs.weight"];
  for (int pair = 0; pair < 16; ++pair) {
    const double wave = 2 * M_PI * std::pow(500000.0, pair / 16.0);
    const double smooth = (64 / wave - 1) / 3;
    const double divisor = wave < 16 ? 1 : wave > 64 ? 8 : 1 / ((1 - smooth) / 8 + smooth);
    divisors.push_back(static_cast<float>(divisor));
  }
  return copy;
}

GgufCopy Granite() {
  GgufCopy copy{"granite", Family("granite"), 10000, /*paired_rows=*/true};
  copy.floats = {{"attention.scale", 0.125},
                 {"embedding_scale", 3.5},
                 {"residual_scale", 0.8},
                 {"logit_scale", 0.75}};
  return copy;
}

// Files cannot say query_pre_attn_scalar: it is the elements of a head.
GgufCopy Gemma2() {
  GgufCopy copy{"gemma2", Family("gemma2")};
  std::string& config = copy.family.config;
  config = absl::StrReplaceAll(
      config, {{R"("query_pre_attn_scalar": 40)", R"("query_pre_attn_scalar": 16)"}});
  copy.ints["attention.sliding_window"] = 7;
  copy.floats = {{"attn_logit_softcapping", 1.5}, {"final_logit_softcapping", 5}};
  return copy;
}

// Nor which layers have a window: all but every sixth.
GgufCopy Gemma3() {
  GgufCopy copy{"gemma3", Family("gemma2"), 1e6};
  FamilyCase& family = copy.family;
  family.name = "gemma3";
  family.config = R"("model_type": "gemma3_text", "num_key_value_heads": 4, "head_dim": 16,
      "query_pre_attn_scalar": 16, "sliding_window": 7, "rope_theta": 1e6,
      "rope_local_base_freq": 2e4, "rope_scaling": {"rope_type": "linear", "factor": 8.0})";
  family.plain.layers = 7;
  copy.ints["attention.sliding_window"] = 7;
  copy.floats = {{"rope.freq_base_swa", 2e4}, {"rope.scaling.factor", 8}};
  copy.strings["rope.scaling.type"] = "linear";
  return copy;
}

GgufCopy Phi3() {
  GgufCopy copy{"phi3", Family("phi3")};
  copy.ints = {{"attention.sliding_window", 13},
               {"rope.dimension_count", 16},
               {"rope.scaling.original_context_length", 4096}};
  return copy;
}

GgufCopy Phi3Long() {
  GgufCopy copy{"phi3", Family("phi3_long")};
  copy.ints = {{"attention.sliding_window", 0},
               {"rope.dimension_count", 24},
               {"rope.scaling.original_context_length", 64}};
  copy.floats["rope.scaling.attn_factor"] = std::sqrt(1 + std::log(4.0) / std::log(64.0));
  for (int pair = 0; pair < 12; ++pair) {
    copy.vectors["rope_factors_short.weight"].push_back(1);
    copy.vectors["rope_factors_long.weight"].push_back(1 + 0.5f * static_cast<float>(pair));
  }
  return copy;
}

class GgufFamiliesTest : public testing::TestWithParam<GgufCopy> {
 protected:
  GgufFamiliesTest() : seeded_(GetParam().family), prompt_(seeded_.Prompt(40, 11)) {}

  std::vector<float> Logits(const std::string& path, Precision precision) const {
    engine::LoadOptions options;
    options.folder = path;
    options.module.precision = precision;
    options.threads = 2;
    options.need_tokenizer = false;
    const auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return {};
    const auto session = runtime::Session::Create((*model)->executable(), {1});
    EXPECT_TRUE(session.ok()) << session.status();
    const auto logits = (*session)->Evaluate(prompt_);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return {logits->begin(), logits->end()};
  }

  SeededFolder seeded_;
  std::vector<int32_t> prompt_;
};

TEST_P(GgufFamiliesTest, LogitsAreTheFoldersToTheBit) {
  const base::TemporaryFolder folder;
  for (const Precision precision : {Precision::kBF16, Precision::kF32}) {
    const std::vector<float> expected = Logits(seeded_.path(), precision);
    ASSERT_FALSE(expected.empty());
    for (const ir::DType dtype : {ir::DType::kBF16, ir::DType::kF32}) {
      const std::string path =
          folder.Write("model.gguf", GgufBytes(GetParam(), seeded_.plain(), AllOf(dtype)));
      const std::vector<float> found = Logits(path, precision);
      ASSERT_EQ(found.size(), expected.size());
      EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, GgufFamiliesTest,
    testing::Values(GgufCopy{"llama", Family("llama2"), 20000, /*paired_rows=*/true}, Llama3(),
                    GgufCopy{"qwen2", Family("qwen2"), 1e6}, Granite(),
                    GgufCopy{"smollm3", Family("smollm3"), 2e6, /*paired_rows=*/true},
                    GgufCopy{"olmo2", Family("olmo2")}, GgufCopy{"qwen3", Family("qwen3")},
                    Gemma2(), Gemma3(), Phi3(), Phi3Long()),
    [](const auto& info) { return info.param.family.name; });

}  // namespace
}  // namespace lluda::tests
