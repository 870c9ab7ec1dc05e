#include "frontends/gguf/file/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "frontends/gguf/file/gguf_writer.h"

namespace lluda::frontends::gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::Span<const std::byte> BytesOfText(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

absl::StatusOr<Container> Parse(const std::string& bytes) {
  return ParseGguf("m.gguf", BytesOfText(bytes));
}

std::string ErrorOf(const std::string& bytes) {
  const auto container = Parse(bytes);
  return container.ok() ? "sound" : std::string(container.status().message());
}

// Two tensors and three keys.
GgufWriter Sound() {
  GgufWriter writer;
  writer.String("general.architecture", "llama").U32("llama.block_count", 2);
  writer.Strings("tokenizer.ggml.tokens", {"a", "", "bc"});
  writer.Tensor("b", 0, {2, 3}, std::string(24, 'b')).Tensor("a", 8, {64}, std::string(68, 'a'));
  return writer;
}

TEST(ContainerTest, KeysAndTensorsArePointedTo) {
  const std::string bytes = Sound().Bytes();
  const auto container = Parse(bytes);
  ASSERT_TRUE(container.ok()) << container.status();
  EXPECT_EQ(container->version, 3u);
  EXPECT_EQ(container->alignment, 32u);
  ASSERT_EQ(container->entries.size(), 3u);
  EXPECT_EQ(container->entries[0].key, "general.architecture");
  EXPECT_EQ(container->entries[2].type, ValueType::kArray);
  EXPECT_EQ(container->entries[2].element_type, ValueType::kString);
  EXPECT_EQ(container->entries[2].count, 3u);
  ASSERT_EQ(container->tensors.size(), 2u);
  EXPECT_EQ(container->tensors[0].name, "b");
  EXPECT_THAT(container->tensors[0].shape, ElementsAre(3, 2));
  EXPECT_EQ(container->tensors[1].type->name, "Q8_0");
  EXPECT_EQ(container->tensors[1].bytes.size(), 68u);
  EXPECT_EQ(container->tensors[1].bytes[0], std::byte{'a'});
}

TEST(ContainerTest, VersionTwoIsReadAndOthersAreRefusedByNumber) {
  EXPECT_TRUE(Parse(GgufWriter(Sound()).Version(2).Bytes()).ok());
  EXPECT_EQ(ErrorOf(GgufWriter(Sound()).Version(1).Bytes()),
            "m.gguf: has version 1, supported are 2 and 3");
  EXPECT_THAT(ErrorOf(GgufWriter(Sound()).Version(0).Bytes()), HasSubstr("version 0"));
  EXPECT_EQ(ErrorOf(GgufWriter(Sound()).Version(0x03000000).Bytes()),
            "m.gguf: is big-endian, which is not supported");
}

TEST(ContainerTest, AnotherFileIsNone) {
  EXPECT_EQ(ErrorOf("{\"a\": 1}"), "m.gguf: is no GGUF file: it does not begin with GGUF");
  EXPECT_EQ(ErrorOf(""), "m.gguf: is no GGUF file: it does not begin with GGUF");
  EXPECT_TRUE(LooksLikeGguf("GGUF"));
  EXPECT_FALSE(LooksLikeGguf("GGU"));
}

TEST(ContainerTest, AFileThatIsCutOffAnywhereIsRefusedInOneLine) {
  const std::string bytes = Sound().Bytes();
  // The padding behind the last tensor is not in the file anyway.
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string error = ErrorOf(bytes.substr(0, size));
    EXPECT_THAT(error, HasSubstr("m.gguf: ")) << size;
    EXPECT_EQ(error.find('\n'), std::string::npos) << size;
  }
}

TEST(ContainerTest, CountsAreBoundedByTheBytesThatAreLeft) {
  for (const uint64_t count : {uint64_t{1} << 32, ~uint64_t{0}, uint64_t{3}}) {
    const std::string few(24, ' ');
    EXPECT_THAT(
        ErrorOf("GGUF" + NumberBytes(3u) + NumberBytes<uint64_t>(0) + NumberBytes(count) + few),
        HasSubstr("keys, which do not fit the 24 bytes that are left"));
    EXPECT_THAT(
        ErrorOf("GGUF" + NumberBytes(3u) + NumberBytes(count) + NumberBytes<uint64_t>(0) + few),
        HasSubstr("tensors, which do not fit the 24 bytes that are left"));
  }
}

TEST(ContainerTest, KeysAreUniquePrintableAndNotEmpty) {
  EXPECT_EQ(ErrorOf(GgufWriter().U8("a", 1).U8("a", 1).Bytes()), "m.gguf: key 'a' is there twice");
  EXPECT_EQ(ErrorOf(GgufWriter().U64("", 1).Bytes()), "m.gguf: a key is empty");
  EXPECT_EQ(ErrorOf(GgufWriter().U8("a\nb", 1).Bytes()),
            "m.gguf: key 'a\\nb' is not printable ASCII");
  EXPECT_THAT(ErrorOf(GgufWriter().U8(std::string(70000, 'k'), 1).Bytes()),
              HasSubstr("a key has 70000 bytes"));
}

TEST(ContainerTest, ValuesOfUnknownTypesAndNestedArraysAreRefusedWithTheirKey) {
  EXPECT_EQ(ErrorOf(GgufWriter().Raw("k", 13, "xxxxxxxx").Bytes()),
            "m.gguf: key 'k': value type 13 is unknown");
  EXPECT_EQ(ErrorOf(GgufWriter().Raw("k", 7, "\x7").Bytes()),
            "m.gguf: key 'k': a bool must be 0 or 1, is 7");
  const std::string nested = NumberBytes(9u) + NumberBytes<uint64_t>(1);
  EXPECT_EQ(ErrorOf(GgufWriter().Raw("k", 9, nested).Bytes()),
            "m.gguf: key 'k': an array of arrays is not supported");
  for (const uint32_t element : {0u, 8u, 10u}) {
    const std::string endless = NumberBytes(element) + NumberBytes(~uint64_t{0} / 8);
    EXPECT_THAT(ErrorOf(GgufWriter().Raw("k", 9, endless).Bytes()), HasSubstr("key 'k': "));
  }
  EXPECT_THAT(ErrorOf(GgufWriter().Raw("k", 8, NumberBytes(~uint64_t{0})).Bytes()),
              HasSubstr("key 'k': the file ends inside a string"));
}

TEST(ContainerTest, AlignmentIsAPowerOfTwoWithinBounds) {
  for (const uint32_t bad : {0u, 3u, 4u, 1u << 21, 1u << 31}) {
    EXPECT_THAT(ErrorOf(GgufWriter().U32("general.alignment", bad).Bytes()),
                HasSubstr("key 'general.alignment': must be a power of two from 8 to 1048576"));
  }
  EXPECT_EQ(ErrorOf(GgufWriter().I32("general.alignment", 32).Bytes()),
            "m.gguf: key 'general.alignment': must be a u32, is of type i32");
  GgufWriter writer;
  writer.U32("general.alignment", 128).Align(128);
  writer.Tensor("a", 0, {1}, "aaaa").Tensor("b", 0, {1}, "bbbb");
  const auto container = Parse(writer.Bytes());
  ASSERT_TRUE(container.ok()) << container.status();
  EXPECT_EQ(container->data_start % 128, 0u);
}

TEST(ContainerTest, TensorsHaveOneToFourPositiveExtents) {
  const auto error_of = [](const std::vector<int64_t>& extents) {
    return ErrorOf(GgufWriter().TensorAt("t", 0, extents, 0).Bytes());
  };
  EXPECT_EQ(error_of({}), "m.gguf: tensor 't': has 0 axes, must have 1 to 4");
  EXPECT_EQ(error_of({1, 1, 1, 1, 1}), "m.gguf: tensor 't': has 5 axes, must have 1 to 4");
  std::string endless = GgufWriter().TensorAt("t", 0, {1, 1, 1, 1, 1}, 0).Bytes();
  endless.replace(endless.find(StringBytes("t")) + StringBytes("t").size(), 4, NumberBytes(~0u));
  EXPECT_EQ(ErrorOf(endless), "m.gguf: tensor 't': has 4294967295 axes, must have 1 to 4");
  EXPECT_EQ(error_of({4, 0}), "m.gguf: tensor 't': extent 1 must be positive, is 0");
  EXPECT_EQ(error_of({-4}), "m.gguf: tensor 't': extent 0 must be positive, is -4");
  EXPECT_EQ(error_of({int64_t{1} << 32, int64_t{1} << 32}),
            "m.gguf: tensor 't': has more than 2^63 elements");
  EXPECT_EQ(error_of({int64_t{1} << 62}), "m.gguf: tensor 't': has more than 2^63 bytes");
}

TEST(ContainerTest, TypesThatNoFileMayHoldAreRefusedByName) {
  const auto error_of = [](uint32_t type) {
    return ErrorOf(GgufWriter().TensorAt("t", type, {256}, 0).Bytes());
  };
  EXPECT_EQ(error_of(4), "m.gguf: tensor 't': type 4 (Q4_2) was removed from the format");
  EXPECT_EQ(error_of(31), "m.gguf: tensor 't': type 31 (Q4_0_4_4) was removed from the format");
  for (const uint32_t removed : {4, 5, 31, 32, 33, 36, 37, 38}) {
    EXPECT_THAT(error_of(removed), HasSubstr("was removed from the format")) << removed;
  }
  EXPECT_EQ(error_of(9), "m.gguf: tensor 't': type 9 (Q8_1) is not for tensors of files");
  EXPECT_EQ(error_of(40), "m.gguf: tensor 't': type 40 (NVFP4) is not supported");
  EXPECT_EQ(error_of(1'000'000'000), "m.gguf: tensor 't': type 1000000000 is unknown");
}

TEST(ContainerTest, RowsAreWholeBlocks) {
  EXPECT_EQ(ErrorOf(GgufWriter().TensorAt("t", 12, {128, 2}, 0).Bytes()),
            "m.gguf: tensor 't': rows of 128 elements are no whole number of blocks of 256, as "
            "Q4_K has them");
}

TEST(ContainerTest, TensorsLieAlignedApartAndInsideTheFile) {
  const auto error_of = [](uint64_t offset) {
    GgufWriter writer;
    writer.Tensor("a", 0, {16}, std::string(64, 'a')).TensorAt("b", 0, {8}, offset);
    return ErrorOf(writer.Bytes());
  };
  EXPECT_EQ(error_of(8), "m.gguf: tensor 'b': offset 8 is no multiple of the alignment, 32");
  EXPECT_EQ(error_of(32), "m.gguf: tensor 'b': offset 32 lies inside tensor 'a'");
  EXPECT_THAT(error_of(64), HasSubstr("tensor 'b': offset 64 and 32 bytes reach past the end"));
  EXPECT_THAT(error_of(~uint64_t{31}), HasSubstr("reach past the end"));
  // A gap between two tensors is nothing to complain about.
  GgufWriter writer;
  writer.Tensor("a", 0, {1}, std::string(96, 'a')).Tensor("b", 0, {1}, "bbbb");
  EXPECT_EQ(ErrorOf(writer.Bytes()), "sound");
}

TEST(ContainerTest, NamesOfTensorsAreUniqueAndShort) {
  const auto error_of = [](const std::string& first, const std::string& second) {
    GgufWriter writer;
    writer.Tensor(first, 0, {1}, "aaaa").Tensor(second, 0, {1}, "bbbb");
    return ErrorOf(writer.Bytes());
  };
  EXPECT_EQ(error_of("a", "a"), "m.gguf: tensor 'a': is there twice");
  EXPECT_THAT(error_of("a", ""), HasSubstr("a name has 1 to 63 bytes, this one 0"));
  EXPECT_THAT(error_of("a", std::string(64, 'n')), HasSubstr("this one 64"));
  EXPECT_EQ(error_of("a", std::string(63, 'n')), "sound");
}

TEST(GgmlTypeTest, BlocksTakeTheirBytes) {
  ASSERT_NE(FindGgmlType(14), nullptr);
  EXPECT_EQ(FindGgmlType(14)->name, "Q6_K");
  EXPECT_EQ(BytesOf(*FindGgmlType(14), 512), 420);
  EXPECT_EQ(BytesOf(*FindGgmlType(30), 3), 6);
  EXPECT_EQ(FindGgmlType(1000), nullptr);
}

}  // namespace
}  // namespace lluda::frontends::gguf
