#include "ir/text/hash.h"

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"

namespace lluda::ir {
namespace {

std::string ToyText() {
  std::ifstream stream("ir/testdata/toy_optimized.lluda");
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::unique_ptr<Module> Parsed(const std::string& text) {
  auto module = ParseModule(text, "m.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  return *std::move(module);
}

// The toy with every `from` replaced by `to`.
std::unique_ptr<Module> Changed(absl::string_view from, absl::string_view to) {
  const std::string text = absl::StrReplaceAll(ToyText(), {{from, to}});
  EXPECT_NE(text, ToyText()) << from;
  return Parsed(text);
}

TEST(HashTest, NamesOfValuesAndProvenanceAreIgnored) {
  const auto toy = Parsed(ToyText());
  for (const auto& other : {Changed("%qkv", "%fused"), Changed("%x", "%input"),
                            Changed(" by pack-weights", ""), Changed("by fuse-", "by other-")}) {
    EXPECT_TRUE(Equal(*toy, *other));
    EXPECT_EQ(StructuralHash(*toy), StructuralHash(*other));
  }
}

TEST(HashTest, EverythingElseCounts) {
  const auto toy = Parsed(ToyText());
  const struct {
    const char* from;
    const char* to;
  } changes[] = {
      {"module @toy", "module @toy2"},
      {"R in 1..16", "R in 1..17"},
      {"@wqkv", "@w"},
      {"@mlp", "@ffn"},
      {"eps = 1e-06", "eps = 1.0000000000000002e-06"},
      {"in 2304", "in 2305"},
      {" in 2304", ""},
      {"ff", "inner"},
      {"model.norm.weight", "model.norm"},
      {"mul %position @frequency : f32 tok[T] pair[2]",
       "mul @frequency %position : f32 pair[2] tok[T]"},
      {"%cos %sin %pos %slot", "%sin %cos %pos %slot"},
  };
  for (const auto& change : changes) {
    std::string text = absl::StrReplaceAll(ToyText(), {{change.from, change.to}});
    if (text.find("pair[2] tok[T] in") != std::string::npos) {
      text = absl::StrReplaceAll(
          text, {{"cos %angle : f32 tok[T] pair[2]", "cos %angle : f32 pair[2] tok[T]"},
                 {"sin %angle : f32 tok[T] pair[2]", "sin %angle : f32 pair[2] tok[T]"},
                 {"%cos: f32 tok[T] pair[2], %sin: f32 tok[T] pair[2]",
                  "%cos: f32 pair[2] tok[T], %sin: f32 pair[2] tok[T]"}});
    }
    const auto other = Parsed(text);
    EXPECT_FALSE(Equal(*toy, *other)) << change.from;
    EXPECT_NE(StructuralHash(*toy), StructuralHash(*other)) << change.from;
  }
}

TEST(HashTest, FunctionsAreComparedAlone) {
  const auto toy = Parsed(ToyText());
  const auto other = Changed("%m", "%g");
  EXPECT_TRUE(Equal(*toy->FindFunc("mlp"), *other->FindFunc("mlp")));
  EXPECT_EQ(StructuralHash(*toy->FindFunc("mlp")), StructuralHash(*other->FindFunc("mlp")));
  EXPECT_FALSE(Equal(*toy->FindFunc("mlp"), *toy->FindFunc("attn")));
}

}  // namespace
}  // namespace lluda::ir
