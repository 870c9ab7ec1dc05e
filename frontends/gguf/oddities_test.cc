#include "frontends/gguf/oddities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/files/test_files.h"
#include "frontends/gguf/file/gguf_writer.h"

namespace lluda::frontends::gguf {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> Oddities(const GgufWriter& writer) {
  const base::TemporaryFolder folder;
  const auto file = GgufFile::Open(folder.Write("m.gguf", writer.Bytes()));
  EXPECT_TRUE(file.ok()) << file.status();
  return OdditiesOf(*file);
}

// A sound tokenizer of two tokens with a template.
GgufWriter Texts(const std::string& pre = "qwen2", const std::string& second = "<s>") {
  GgufWriter writer;
  writer.String("tokenizer.ggml.model", "gpt2");
  if (!pre.empty()) writer.String("tokenizer.ggml.pre", pre);
  writer.Strings("tokenizer.ggml.tokens", {"a", second}).Strings("tokenizer.ggml.merges", {});
  writer.I32s("tokenizer.ggml.token_type", {1, 3}).U32("tokenizer.ggml.eos_token_id", 0);
  writer.U32("tokenizer.ggml.bos_token_id", 1);
  writer.String("tokenizer.chat_template", "{{ bos_token }}");
  return writer;
}

// One layer that is all zeros.
GgufWriter WithModel(GgufWriter writer) {
  writer.String("general.architecture", "llama").U32("llama.context_length", 8);
  writer.U32("llama.embedding_length", 2).U32("llama.block_count", 1);
  writer.U32("llama.feed_forward_length", 2).U32("llama.attention.head_count", 1);
  writer.F32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  for (const char* name :
       {"token_embd", "blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v", "blk.0.attn_output",
        "blk.0.ffn_gate", "blk.0.ffn_up", "blk.0.ffn_down"}) {
    writer.Tensor(std::string(name) + ".weight", 0, {2, 2}, std::string(16, '\0'));
  }
  for (const char* name : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"}) {
    writer.Tensor(std::string(name) + ".weight", 0, {2}, std::string(8, '\0'));
  }
  return writer;
}

TEST(OdditiesTest, AFileThatIsAsItShouldBeHasNone) {
  EXPECT_THAT(Oddities(WithModel(Texts())), IsEmpty());
}

TEST(OdditiesTest, WhatKeepsItFromBeingRunIsOne) {
  EXPECT_THAT(Oddities(Texts()),
              Contains(AllOf(HasSubstr("is not run: key 'general.architecture' is missing"),
                             Not(HasSubstr("m.gguf")))));
  EXPECT_THAT(
      Oddities(WithModel(Texts(""))),
      Contains(HasSubstr("its tokenizer is not read: key 'tokenizer.ggml.pre': is missing")));
}

TEST(OdditiesTest, AHeadThatRepeatsTheEmbeddingIsOne) {
  GgufWriter writer = WithModel(Texts());
  writer.Tensor("output.weight", 0, {2, 2}, std::string(16, '\0'));
  EXPECT_THAT(Oddities(writer), Contains(HasSubstr("output.weight repeats token_embd.weight")));
  GgufWriter untied = WithModel(Texts());
  untied.Tensor("output.weight", 0, {2, 2}, std::string(16, '\1'));
  EXPECT_THAT(Oddities(untied), IsEmpty());
}

TEST(OdditiesTest, TokensThatStandTwiceOrNowhereAreSome) {
  EXPECT_THAT(Oddities(WithModel(Texts().Bool("tokenizer.ggml.add_bos_token", true))),
              Contains(HasSubstr("the chat template writes bos_token, too")));
  EXPECT_THAT(Oddities(WithModel(Texts("qwen2", "<|eot_id|>"))),
              Contains(HasSubstr("which no key says to end a turn")));
  EXPECT_THAT(Oddities(WithModel(Texts().U32("llama.pooling_type", 3))),
              Contains(HasSubstr("it pools by the last token")));
  EXPECT_THAT(Oddities(GgufWriter()), Contains(HasSubstr("it has no chat template")));
}

TEST(OdditiesTest, BytesOfNoTensorAreCounted) {
  GgufWriter writer = WithModel(Texts());
  writer.Tensor("rope_freqs.weight", 0, {1}, std::string("\0\0\x80\x3F", 4) + std::string(96, 'x'));
  EXPECT_THAT(Oddities(writer), Contains("96 bytes of its data belong to no tensor"));
}

}  // namespace
}  // namespace lluda::frontends::gguf
