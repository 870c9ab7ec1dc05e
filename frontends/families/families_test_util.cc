#include "frontends/families/families_test_util.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "frontends/families/families.h"

namespace lluda::frontends::families {

using decoder::Decoder;

absl::StatusOr<Decoder> Parse(const std::string& family, const std::string& more) {
  return ParseConfig(
      "c", absl::StrCat(R"({"model_type": ")", family, R"(", "vocab_size": 100, "hidden_size": 64,
          "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 8,
          "max_position_embeddings": 512)",
                        more.empty() ? "" : ", ", more, "}"));
}

Decoder Read(const std::string& family, const std::string& more) {
  const absl::StatusOr<Decoder> decoder = Parse(family, more);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return decoder.ok() ? *decoder : Decoder();
}

std::string Error(const std::string& family, const std::string& more) {
  return std::string(Parse(family, more).status().message());
}

}  // namespace lluda::frontends::families
