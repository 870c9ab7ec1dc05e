#include "frontends/gguf/chat_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/files/test_files.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/gguf/file/gguf_writer.h"

namespace lluda::frontends::gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class ChatReaderTest : public testing::Test {
 protected:
  const Metadata& Read(const GgufWriter& writer) {
    file_ = std::make_unique<GgufFile>(*GgufFile::Open(folder_.Write("m.gguf", writer.Bytes())));
    return file_->metadata();
  }

  base::TemporaryFolder folder_;
  std::unique_ptr<GgufFile> file_;
};

GgufWriter Tokens() {
  GgufWriter writer;
  writer.Strings("tokenizer.ggml.tokens", {"a", "<|im_end|>", "<|eot_id|>", "</s>"});
  writer.I32s("tokenizer.ggml.token_type", {1, 3, 3, 1});
  writer.U32("tokenizer.ggml.eos_token_id", 0).U32("tokenizer.ggml.bos_token_id", 1);
  return writer;
}

TEST_F(ChatReaderTest, TemplatesAndTheTokensTheyNameAreRead) {
  const auto format = ReadChatFormat(Read(Tokens()
                                              .String("tokenizer.chat_template", "one")
                                              .Strings("tokenizer.chat_templates", {"tool_use"})
                                              .String("tokenizer.chat_template.tool_use", "two")));
  ASSERT_TRUE(format.ok()) << format.status();
  ASSERT_EQ(format->templates.size(), 2u);
  EXPECT_EQ(format->templates[0].name, "default");
  EXPECT_EQ(format->templates[0].source, "one");
  EXPECT_THAT(format->templates[0].origin, HasSubstr("m.gguf: key 'tokenizer.chat_template'"));
  EXPECT_EQ(format->templates[1].name, "tool_use");
  EXPECT_THAT(format->special_tokens,
              ElementsAre(Pair("bos_token", "<|im_end|>"), Pair("eos_token", "a")));
}

TEST_F(ChatReaderTest, AFileWithoutATemplateHasNone) {
  const auto format = ReadChatFormat(Read(Tokens()));
  EXPECT_TRUE(absl::IsNotFound(format.status())) << format.status();
  EXPECT_THAT(std::string(format.status().message()),
              HasSubstr("key 'tokenizer.chat_template' is missing"));
}

TEST_F(ChatReaderTest, ControlTokensThatTheTemplateWritesEndATextToo) {
  EXPECT_THAT(ReadGenerationConfig(Read(Tokens()))->eos_token_ids, ElementsAre(0));
  EXPECT_THAT(
      ReadGenerationConfig(Read(Tokens().String("tokenizer.chat_template", "x<|eot_id|></s>")))
          ->eos_token_ids,
      ElementsAre(0, 2));
  EXPECT_THAT(
      ReadGenerationConfig(Read(Tokens().U32("tokenizer.ggml.eot_token_id", 1)))->eos_token_ids,
      ElementsAre(0, 1));
  EXPECT_THAT(ReadGenerationConfig(Read(GgufWriter()))->eos_token_ids, IsEmpty());
}

TEST_F(ChatReaderTest, WhatEndsATextIsOneOfTheTokens) {
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    EXPECT_THAT(std::string(ReadGenerationConfig(Read(Tokens().U32(key, 4))).status().message()),
                HasSubstr("': must be an integer from 0 to 3, is 4"));
  }
}

TEST_F(ChatReaderTest, SamplingIsAsTheFileSays) {
  const auto plain = ReadGenerationConfig(Read(Tokens()));
  EXPECT_FALSE(plain->do_sample);
  const auto config = ReadGenerationConfig(Read(Tokens()
                                                    .F32("general.sampling.temp", 0.7F)
                                                    .I32("general.sampling.top_k", 40)
                                                    .F32("general.sampling.top_p", 0.95F)));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->do_sample);
  EXPECT_EQ(config->temperature, 0.7);
  EXPECT_EQ(config->top_p, 0.95);
  EXPECT_EQ(config->top_k, 40);
  EXPECT_THAT(
      std::string(
          ReadGenerationConfig(Read(Tokens().F32("general.sampling.top_p", 2))).status().message()),
      HasSubstr("key 'general.sampling.top_p': must be from 0 to 1, is 2"));
}

TEST_F(ChatReaderTest, VectorsOtherThanTheLastTokensAreRefused) {
  EXPECT_TRUE(CheckPooling(Read(Tokens())).ok());
  EXPECT_TRUE(CheckPooling(Read(Tokens().U32("qwen3.pooling_type", 3))).ok());
  EXPECT_THAT(
      std::string(CheckPooling(Read(Tokens().U32("qwen3.pooling_type", 1))).message()),
      HasSubstr(
          "key 'qwen3.pooling_type': asks for the mean of all tokens, which is not supported"));
}

}  // namespace
}  // namespace lluda::frontends::gguf
