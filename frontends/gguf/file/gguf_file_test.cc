#include "frontends/gguf/file/gguf_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <limits>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/files/test_files.h"
#include "frontends/gguf/file/gguf_writer.h"

namespace lluda::frontends::gguf {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

std::string ErrorOf(const std::string& path) {
  const auto file = GgufFile::Open(path);
  return file.ok() ? "sound" : std::string(file.status().message());
}

GgufWriter Part(uint16_t number, uint16_t count, const std::string& tensor) {
  GgufWriter writer;
  writer.U16("split.no", number).U16("split.count", count).I32("split.tensors.count", 3);
  if (!tensor.empty()) writer.Tensor(tensor, 0, {1}, "abcd");
  return writer;
}

class SplitTest : public testing::Test {
 protected:
  SplitTest() {
    for (uint16_t i = 0; i < 3; ++i) {
      folder_.Write(Name(i), Part(i, 3, std::string(1, static_cast<char>('a' + i))).Bytes());
    }
  }
  static std::string Name(int i) { return "m-0000" + std::to_string(i + 1) + "-of-00003.gguf"; }
  std::string Error() const { return ErrorOf(folder_.PathOf(Name(0))); }

  base::TemporaryFolder folder_;
};

TEST_F(SplitTest, TheFirstPartOpensAll) {
  const auto file = GgufFile::Open(folder_.PathOf(Name(0)));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->parts().size(), 3u);
  const auto files = file->TensorFiles();
  ASSERT_EQ(files.size(), 3u);
  ASSERT_NE(files[2].Find("c"), nullptr);
  EXPECT_EQ(files[2].Find("c")->dtype, ir::DType::kF32);
  EXPECT_TRUE(files[2].Contains(*files[2].Find("c")));
}

TEST_F(SplitTest, AFirstPartWithoutTensorsIsSound) {
  folder_.Write(Name(0), Part(0, 3, "").Bytes());
  folder_.Write(Name(1), Part(1, 3, "a").Tensor("b", 0, {1}, "abcd").Bytes());
  EXPECT_EQ(Error(), "sound");
}

TEST_F(SplitTest, AnotherPartNamesTheFirst) {
  EXPECT_THAT(
      ErrorOf(folder_.PathOf(Name(1))),
      HasSubstr("key 'split.no': is 1: this is part 2 of 3; the first one names the model"));
}

TEST_F(SplitTest, AMissingPartIsNamed) {
  std::remove(folder_.PathOf(Name(2)).c_str());
  EXPECT_THAT(Error(), HasSubstr("part 3 of 3 is missing: "));
  EXPECT_THAT(Error(), EndsWith(Name(2)));
}

TEST_F(SplitTest, TheSamePartTwiceIsRefused) {
  folder_.Write(Name(2), Part(1, 3, "b").Bytes());
  EXPECT_THAT(Error(), HasSubstr("key 'split.no': must be 2 in this part, is 1"));
  folder_.Write(Name(2), Part(2, 3, "b").Bytes());
  EXPECT_THAT(Error(), HasSubstr("tensor 'b' is in an earlier part, too"));
  folder_.Write(Name(2), Part(2, 4, "c").Bytes());
  EXPECT_THAT(Error(), HasSubstr("key 'split.count': must be 3 as in the first part, is 4"));
}

TEST_F(SplitTest, TheTotalHasToBeRight) {
  folder_.Write(Name(2), Part(2, 3, "").Bytes());
  EXPECT_THAT(Error(), HasSubstr("'split.tensors.count': is 3, but the 3 parts hold 2 tensors"));
}

TEST_F(SplitTest, PartsOfAnotherModelAreRefused) {
  GgufWriter other;
  other.U16("split.no", 2).U16("split.count", 3).I32("split.tensors.count", 9);
  other.Tensor("c", 0, {1}, "abcd");
  folder_.Write(Name(2), other.Bytes());
  EXPECT_THAT(Error(), HasSubstr("00003-of-00003.gguf: key 'split.tensors.count': must be 3 as in "
                                 "the first part, is 9"));
  folder_.Write(Name(0), Part(0, 3, "a").String("general.architecture", "llama").Bytes());
  folder_.Write(Name(2), Part(2, 3, "c").String("general.architecture", "qwen3").Bytes());
  EXPECT_THAT(Error(), HasSubstr("00003-of-00003.gguf: key 'general.architecture': must be "
                                 "'llama' as in the first part, is 'qwen3'"));
}

TEST_F(SplitTest, TheNameHasToSayWhichPartItIs) {
  const std::string path = folder_.Write("other.gguf", Part(0, 3, "a").Bytes());
  EXPECT_THAT(ErrorOf(path), HasSubstr("must end in -00001-of-00003.gguf"));
}

TEST(GgufFileTest, IsKnownByItsNameOrItsFirstBytes) {
  const base::TemporaryFolder folder;
  EXPECT_TRUE(GgufFile::Looks("/no/such/file.gguf"));
  EXPECT_FALSE(GgufFile::Looks("/no/such/file"));
  EXPECT_TRUE(GgufFile::Looks(folder.Write("blob", GgufWriter().Bytes())));
  EXPECT_FALSE(GgufFile::Looks(folder.Write("other", "GGU")));
  EXPECT_FALSE(GgufFile::Looks(folder.path()));
  folder.Write("folder.gguf/config.json", "{}");
  EXPECT_FALSE(GgufFile::Looks(folder.PathOf("folder.gguf")));
  const std::string fifo = folder.PathOf("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_FALSE(GgufFile::Looks(fifo));
}

TEST(GgufFileTest, WhatIsNoFileIsRefused) {
  const base::TemporaryFolder folder;
  EXPECT_TRUE(absl::IsNotFound(GgufFile::Open(folder.PathOf("none.gguf")).status()));
  EXPECT_THAT(ErrorOf("/dev/zero"), HasSubstr("/dev/zero: "));
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("is a folder"));
  EXPECT_THAT(ErrorOf(folder.Write("empty.gguf", "")), HasSubstr("is no GGUF file"));
}

class MetadataTest : public testing::Test {
 protected:
  const Metadata& Read(const GgufWriter& writer) {
    file_ = std::make_unique<GgufFile>(*GgufFile::Open(folder_.Write("m.gguf", writer.Bytes())));
    return file_->metadata();
  }
  template <typename T>
  static std::string Message(const absl::StatusOr<T>& result) {
    const std::string message(result.status().message());
    return message.substr(message.find("m.gguf"));
  }

  base::TemporaryFolder folder_;
  std::unique_ptr<GgufFile> file_;
};

TEST_F(MetadataTest, IntegersAreReadWhateverTheirType) {
  const Metadata& metadata =
      Read(GgufWriter().U8("a", 200).U16("b", 3).I32("c", -4).U64("d", ~uint64_t{0}).F32("e", 1));
  EXPECT_EQ(*metadata.Int("a", 0, 255), 200);
  EXPECT_EQ(*metadata.Int("b", 0, 255), 3);
  EXPECT_EQ(*metadata.Int("c", -10, 255), -4);
  EXPECT_EQ(Message(metadata.Int("c", 0, 9)),
            "m.gguf: key 'c': must be an integer from 0 to 9, is -4");
  EXPECT_EQ(Message(metadata.Int("d", 0, 9)),
            "m.gguf: key 'd': must be an integer from 0 to 9, is 18446744073709551615");
  EXPECT_EQ(Message(metadata.Int("e", 0, 9)),
            "m.gguf: key 'e': must be an integer from 0 to 9, is 1");
  EXPECT_EQ(Message(metadata.Int("f", 0, 9)), "m.gguf: key 'f' is missing");
}

TEST_F(MetadataTest, AnF32IsTheShortestDecimalThatGivesIt) {
  const Metadata& metadata =
      Read(GgufWriter().F32("eps", 1e-6F).F32("base", 5e5F).F32("scale", 0.22F));
  EXPECT_EQ(*metadata.Number("eps"), 1e-6);
  EXPECT_EQ(*metadata.Number("base"), 500000.0);
  EXPECT_EQ(*metadata.Number("scale"), 0.22);
}

TEST_F(MetadataTest, NumbersAreFinite) {
  const Metadata& metadata =
      Read(GgufWriter().F32("nan", std::numeric_limits<float>::quiet_NaN()).String("text", "1"));
  EXPECT_EQ(Message(metadata.Number("nan")), "m.gguf: key 'nan': must be a finite number, is nan");
  EXPECT_EQ(Message(metadata.Number("text")),
            "m.gguf: key 'text': must be a finite number, is of type string");
}

TEST_F(MetadataTest, StringsAreUtf8AndItemsOfArraysAnyBytes) {
  const Metadata& metadata =
      Read(GgufWriter().String("good", "ä").String("bad", "\xFF").Strings("all", {"\xFF", ""}));
  EXPECT_EQ(*metadata.String("good"), "ä");
  EXPECT_EQ(Message(metadata.String("bad")), "m.gguf: key 'bad': must be valid UTF-8");
  EXPECT_THAT(*metadata.Strings("all"), ElementsAre("\xFF", ""));
  EXPECT_EQ(Message(metadata.Strings("good")),
            "m.gguf: key 'good': must be an array of strings, is of type string");
  EXPECT_EQ(Message(metadata.String("all")),
            "m.gguf: key 'all': must be a string, is an array of string");
}

TEST_F(MetadataTest, ArraysOfNumbersNameTheItemThatIsOutOfRange) {
  const Metadata& metadata =
      Read(GgufWriter().I32s("i", {1, 2, 9}).F32s("f", {0.5F}).U32("one", 7));
  EXPECT_THAT(*metadata.Ints("i"), ElementsAre(1, 2, 9));
  EXPECT_THAT(*metadata.Ints("one"), ElementsAre(7));
  EXPECT_THAT(*metadata.Floats("f"), ElementsAre(0.5F));
  EXPECT_EQ(Message(metadata.Ints("i", 0, 5)),
            "m.gguf: key 'i': item 2 must be an integer from 0 to 5");
  EXPECT_EQ(Message(metadata.Floats("i")), "m.gguf: key 'i': must be f32s, is an array of i32");
}

TEST_F(MetadataTest, ValuesAreDescribedInOneLine) {
  const Metadata& metadata = Read(GgufWriter()
                                      .String("s", "a\nb")
                                      .String("long", std::string(100, 'x'))
                                      .Strings("list", {"a", "b"})
                                      .Bool("b", true)
                                      .F32("f", 1e-6F));
  const auto shown = [&](const char* key) { return DescribeValue(*metadata.Find(key)); };
  EXPECT_EQ(shown("s"), "'a\\nb'");
  EXPECT_EQ(shown("long"), "'" + std::string(60, 'x') + "...'");
  EXPECT_EQ(shown("list"), "[2 strings]");
  EXPECT_EQ(shown("b"), "true");
  EXPECT_EQ(shown("f"), "1e-06");
}

}  // namespace
}  // namespace lluda::frontends::gguf
