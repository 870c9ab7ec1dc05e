// Plants fields in configs, thousands of them: whatever is planted where it may say how the model
// computes has to be read or refused by its name, and must never be taken for absent.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/families/config_fields.h"
#include "frontends/families/families.h"

namespace lluda::frontends::families {
namespace {

constexpr char kSound[] = R"("model_type": "qwen3", "vocab_size": 100, "hidden_size": 64,
    "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 128)";

constexpr int kTrials = 4000;

class Planter {
 public:
  explicit Planter(unsigned seed) : random_(seed) {}

  size_t Below(size_t count) { return random_() % count; }

  template <typename Items>
  std::string OneOf(const Items& items) {
    return std::string(*std::next(std::begin(items), Below(std::size(items))));
  }

  // A name that no table has.
  std::string Name() {
    std::string name = "x";
    for (size_t i = 1 + Below(8); i > 0; --i) name += static_cast<char>('a' + Below(26));
    return name;
  }

  // A value that asks for something.
  std::string Value() {
    static constexpr const char* kValues[] = {"7",      "-1",   "0.25", "\"yarn\"",
                                              "[1, 2]", "[{}]", "true"};
    if (Below(4) > 0) return OneOf(kValues);
    return absl::StrCat("{\"", Name(), "\": ", Value(), "}");
  }

 private:
  std::mt19937 random_;
};

absl::StatusOr<decoder::Decoder> Parse(const std::string& more) {
  return ParseConfig("c", absl::StrCat("{", kSound, more, "}"));
}

TEST(FuzzConfig, NothingInARopeObjectIsTakenForAbsent) {
  Planter planter(1);
  constexpr const char* kPlaces[] = {"rope_parameters", "rope_scaling"};
  constexpr const char* kKnown[] = {"", R"("rope_theta": 9000, )", R"("rope_type": "default", )",
                                    R"("type": "default", "rope_theta": 9000, )"};
  constexpr const char* kOtherTypes[] = {"factor",           "short_factor",
                                         "attention_factor", "sliding_attention",
                                         "truncate",         "mrope_section"};
  for (int i = 0; i < kTrials; ++i) {
    const std::string key = planter.Below(2) == 0 ? planter.Name() : planter.OneOf(kOtherTypes);
    const std::string text =
        absl::StrCat("{", planter.OneOf(kKnown), "\"", key, "\": ", planter.Value(), "}");
    const absl::Status status =
        Parse(absl::StrCat(", \"", planter.OneOf(kPlaces), "\": ", text)).status();
    ASSERT_FALSE(status.ok()) << text;
    ASSERT_TRUE(absl::StrContains(status.message(), absl::StrCat(".", key, "' "))) << status;
  }
}

TEST(FuzzConfig, ThetaIsReadOrRefusedWhereverItStands) {
  Planter planter(2);
  constexpr const char* kNoise[] = {"", ", \"rope_scaling\": null", ", \"rope_scaling\": {}",
                                    ", \"rope_parameters\": null"};
  constexpr const char* kForms[] = {
      "\"rope_theta\": $",
      "\"rope_parameters\": {\"rope_theta\": $}",
      "\"rope_scaling\": {\"type\": \"default\", \"rope_theta\": $}",
      "\"rope_parameters\": {\"full_attention\": {\"rope_theta\": $}}",
      "\"rope_parameters\": {\"layer_0\": {\"rope_theta\": $}}",
      "\"rope_config\": {\"rope_theta\": $}",
      "\"rotary_emb_base\": $",
      "\"rope_local_base_freq\": $"};
  int read = 0;
  for (int i = 0; i < kTrials; ++i) {
    const double theta = 20000.0 + static_cast<double>(planter.Below(1000000));
    std::string text = absl::StrCat(", ", planter.OneOf(kForms), planter.OneOf(kNoise));
    text.replace(text.find('$'), 1, absl::StrCat(static_cast<int64_t>(theta)));
    const absl::StatusOr<decoder::Decoder> config = Parse(text);
    if (!config.ok()) continue;
    ++read;
    ASSERT_EQ(config->ropes[0].theta, theta) << text;
  }
  EXPECT_GT(read, kTrials / 4);
}

TEST(FuzzConfig, RefusedFieldsAreRefusedByNameAndIgnoredOnesChangeNothing) {
  Planter planter(3);
  const absl::StatusOr<decoder::Decoder> sound = Parse("");
  ASSERT_TRUE(sound.ok()) << sound.status();
  const auto all = AllFamilies();
  const auto qwen3 = std::find_if(all.begin(), all.end(), [](const Family* family) {
    return absl::string_view(family->model_type) == "qwen3";
  });
  ASSERT_NE(qwen3, all.end());
  const std::vector<FieldRow> rows = ConfigFields(**qwen3);
  for (int i = 0; i < kTrials; ++i) {
    const FieldRow& row = rows[planter.Below(rows.size())];
    const std::string value = planter.Value();
    if (row.use == FieldUse::kUsed || row.neutral == value) continue;
    const absl::StatusOr<decoder::Decoder> config =
        Parse(absl::StrCat(", \"", row.key, "\": ", value));
    if (row.use == FieldUse::kIgnored) {
      ASSERT_TRUE(config.ok()) << row.key << ": " << config.status();
      ASSERT_EQ(config->ropes[0].theta, sound->ropes[0].theta);
      ASSERT_EQ(config->layer_count(), sound->layer_count());
    } else {
      ASSERT_FALSE(config.ok()) << row.key << ": " << value;
      ASSERT_TRUE(absl::StrContains(config.status().message(),
                                    absl::StrCat("field '", row.key, "' asks for ")))
          << config.status();
    }
  }
}

TEST(FuzzConfig, UnknownFieldsAboutPositionsOrQuantisationAreRefused) {
  Planter planter(4);
  constexpr const char* kParts[] = {"rope", "Rotary", "quant", "QUANTIZATION", "compression"};
  for (int i = 0; i < kTrials; ++i) {
    const std::string key =
        absl::StrCat(planter.Name(), "_", planter.OneOf(kParts), "_", planter.Name());
    const std::string value = planter.Value();
    const absl::Status status = Parse(absl::StrCat(", \"", key, "\": ", value)).status();
    ASSERT_TRUE(absl::StrContains(status.message(), absl::StrCat("field '", key, "' asks for ")))
        << key << ": " << value;
  }
}

}  // namespace
}  // namespace lluda::frontends::families
