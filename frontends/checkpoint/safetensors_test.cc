#include "frontends/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"

namespace lluda::frontends {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string LittleEndian(uint64_t number) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(number >> (8 * i)));
  return bytes;
}

// A file with one tensor 'a' whose entry is `entry`, and `data_bytes` bytes of data.
std::string OneTensor(absl::string_view entry, size_t data_bytes) {
  return base::SafetensorsBytes(absl::StrCat("{\"a\":", entry, "}"), std::string(data_bytes, 'x'));
}

absl::Status ParseStatus(const std::string& bytes) {
  return ParseSafetensors("m", {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()})
      .status();
}

TEST(Safetensors, ReadsTensorsOfEverySupportedDtype) {
  const base::TemporaryFolder folder;
  const std::string path =
      folder.Write("m.safetensors", base::SafetensorsBytes(R"({"__metadata__":{"format":"pt"},
          "f32":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},
          "i64":{"dtype":"I64","shape":[],"data_offsets":[0,8]},
          "i32":{"dtype":"I32","shape":[1],"data_offsets":[16,20]},
          "bf16":{"dtype":"BF16","shape":[2,1,1],"data_offsets":[20,24]},
          "f16":{"dtype":"F16","shape":[1],"data_offsets":[24,26]},
          "i8":{"dtype":"I8","shape":[1],"data_offsets":[26,27]},
          "u8":{"dtype":"U8","shape":[3],"data_offsets":[27,30]}}   )",
                                                           "01234567abcdefghABCDEFGHIJKLMN"));
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  const struct {
    const char* name;
    std::optional<ir::DType> dtype;
    std::vector<int64_t> shape;
    std::string data;
  } expected[] = {
      {"i64", ir::DType::kI64, {}, "01234567"}, {"f32", ir::DType::kF32, {1, 2}, "abcdefgh"},
      {"i32", ir::DType::kI32, {1}, "ABCD"},    {"bf16", ir::DType::kBF16, {2, 1, 1}, "EFGH"},
      {"f16", ir::DType::kF16, {1}, "IJ"},      {"i8", ir::DType::kI8, {1}, "K"},
      {"u8", std::nullopt, {3}, "LMN"},
  };
  ASSERT_EQ(file->tensors().size(), std::size(expected));
  for (size_t i = 0; i < std::size(expected); ++i) {
    const TensorView* tensor = file->Find(expected[i].name);
    ASSERT_EQ(tensor, &file->tensors()[i]) << expected[i].name;
    EXPECT_EQ(tensor->name, expected[i].name);
    EXPECT_EQ(tensor->dtype, expected[i].dtype);
    EXPECT_EQ(tensor->shape, expected[i].shape);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(tensor->data), tensor->bytes),
              expected[i].data);
  }
}

TEST(Safetensors, TensorsStayWhereTheyAreWhenTheFileMoves) {
  const base::TemporaryFolder folder;
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(
      folder.Write("m", OneTensor(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})", 4)));
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorView* before = file->Find("a");
  const SafetensorsFile moved = *std::move(file);
  EXPECT_EQ(moved.Find("a"), before);
  moved.WillNeed(*before);
  moved.DropPages(*before);
  EXPECT_EQ(std::memcmp(before->data, "xxxx", 4), 0);
}

TEST(Safetensors, AcceptsFilesWithEmptyTensorsOrNoTensorAtAll) {
  EXPECT_TRUE(ParseStatus(base::SafetensorsBytes("{}", "")).ok());
  EXPECT_TRUE(ParseStatus(base::SafetensorsBytes("{\"__metadata__\":{}}", "")).ok());
  EXPECT_TRUE(ParseStatus(base::SafetensorsBytes(
                              R"({"z":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]},
                                  "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
                                  "b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                              "12345678"))
                  .ok());
}

TEST(Safetensors, ListsUnsupportedDtypesAndRefusesThemByName) {
  const base::TemporaryFolder folder;
  const std::string path = folder.Write(
      "m", base::SafetensorsBytes(R"({"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},
                                "q":{"dtype":"F4","shape":[3,2],"data_offsets":[8,11]}})",
                                  "12345678abc"));
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Find("w")->dtype, std::nullopt);
  EXPECT_EQ(file->Find("q")->bytes, 3u);
  EXPECT_EQ(file->Get("w").status(),
            absl::UnimplementedError(
                absl::StrCat(path, ": tensor 'w' has dtype F64, which is not supported")));
}

TEST(Safetensors, TensorsMayLieAtAnyAddress) {
  const base::TemporaryFolder folder;
  // A header of 8n + 1 bytes puts the first tensor at an odd address.
  std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                           "b":{"dtype":"I8","shape":[1],"data_offsets":[4,5]}})";
  while (header.size() % 8 != 1) header.push_back(' ');
  const std::string path = folder.Write("m", base::SafetensorsBytes(header, "12345"));
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<const TensorView*> tensor = file->Get("a");
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*tensor)->data) % 2, 1u);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>((*tensor)->data), (*tensor)->bytes), "1234");
}

TEST(Safetensors, GetNamesATensorThatIsMissing) {
  const base::TemporaryFolder folder;
  const std::string path = folder.Write("m", base::SafetensorsBytes("{}", ""));
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Get("c\n").status(),
            absl::NotFoundError(absl::StrCat(path, ": tensor 'c\\n' is missing")));
}

TEST(Safetensors, RefusesEveryMalformedFileWithOneLine) {
  const std::string sound = R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})";
  ASSERT_TRUE(ParseStatus(OneTensor(sound, 12)).ok());
  const auto entry = [](absl::string_view dtype, absl::string_view shape,
                        absl::string_view offsets) {
    return OneTensor(absl::StrCat("{\"dtype\":", dtype, ",\"shape\":", shape,
                                  ",\"data_offsets\":", offsets, "}"),
                     12);
  };
  const auto two = [](absl::string_view first, absl::string_view second) {
    return base::SafetensorsBytes(
        absl::StrCat(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)", first,
                     R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)", second, "}}"),
        "123456789");
  };
  const std::string deep = absl::StrCat(std::string(100'000, '['), std::string(100'000, ']'));
  const struct {
    const char* name;
    std::string bytes;
    std::string message;
  } cases[] = {
      // The header's length.
      {"empty file", "", "is too short for a safetensors file (0 bytes)"},
      {"seven bytes", "1234567", "is too short for a safetensors file (7 bytes)"},
      {"length 0", LittleEndian(0), "header does not start with '{'"},
      {"length 7 of a longer header", LittleEndian(7) + "{\"a\":{}}",
       "m: header: is not valid JSON"},
      {"length past the file", LittleEndian(3) + "{}",
       "header length 3 reaches past the end of the file (10 bytes)"},
      {"length above the limit", LittleEndian(100'000'001) + "{}",
       "header length 100000001 is above the limit"},
      {"length 2^63", LittleEndian(uint64_t{1} << 63) + "{}", "is above the limit"},
      {"length 2^64-1", LittleEndian(~uint64_t{0}) + "{}",
       "header length 18446744073709551615 is above the limit"},
      // The header's text.
      {"not JSON", base::SafetensorsBytes("{oops", ""), "m: header: is not valid JSON"},
      {"space before", base::SafetensorsBytes(" {}", ""), "header does not start with '{'"},
      {"NUL padding", base::SafetensorsBytes(std::string("{}\0\0", 4), ""),
       "m: header: is not valid JSON"},
      {"a list", base::SafetensorsBytes("[]", ""), "header does not start with '{'"},
      {"not UTF-8", base::SafetensorsBytes("{\"\xff\":{}}", ""), "m: header: is not valid JSON"},
      {"nested deeply", OneTensor(deep, 0), "m: header: is not valid JSON"},
      {"name twice",
       base::SafetensorsBytes(absl::StrCat("{\"a\":", sound, ",\"a\":", sound, "}"),
                              "123456789012"),
       "header: field 'a' appears twice"},
      {"field twice", OneTensor(R"({"dtype":"U8","dtype":"U8"})", 0),
       "header: field 'a.dtype' appears twice"},
      {"entry no object", OneTensor("7", 0), "tensor 'a': entry must be an object, is 7"},
      {"field unknown", OneTensor(R"({"dtype":"U8","stride":1})", 0),
       "tensor 'a': unknown field 'stride'"},
      {"metadata no object", base::SafetensorsBytes(R"({"__metadata__":[]})", ""),
       "__metadata__ must be an object, is a list"},
      {"metadata not text", base::SafetensorsBytes(R"({"__metadata__":{"format":1}})", ""),
       "__metadata__ field 'format' must be a string, is 1"},
      // The dtype.
      {"dtype missing", OneTensor(R"({"shape":[]})", 0), "tensor 'a': dtype is missing"},
      {"dtype a number", entry("32", "[3]", "[0,12]"), "dtype must be a string, is 32"},
      {"dtype unknown", entry("\"Q4\\n\"", "[3]", "[0,12]"), "unknown dtype 'Q4\\n'"},
      // The shape.
      {"shape missing", OneTensor(R"({"dtype":"F32","data_offsets":[0,0]})", 0),
       "tensor 'a': shape is missing"},
      {"shape a number", entry("\"F32\"", "3", "[0,12]"), "shape must be a list of non-negative"},
      {"extent negative", entry("\"F32\"", "[-3]", "[0,12]"), "integers, has -3"},
      {"extent a float", entry("\"F32\"", "[3.0]", "[0,12]"), "integers, has 3.0"},
      {"extent above int64", entry("\"F32\"", "[9223372036854775808]", "[0,12]"),
       "integers, has 9223372036854775808"},
      {"product wraps to 12", entry("\"F32\"", "[4611686018427387907]", "[0,12]"),
       "shape [4611686018427387907] is too large"},
      {"product wraps to 0", entry("\"F32\"", "[4294967296,4294967296]", "[0,0]"), "is too large"},
      {"product large beside a zero", entry("\"F32\"", "[0,4294967296,4294967296]", "[0,0]"),
       "is too large"},
      {"too many dimensions", entry("\"F32\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,3]", "[0,12]"),
       "shape has more than 16 items"},
      {"half a byte", entry("\"F4\"", "[3]", "[0,1]"), "does not fill a whole number of bytes"},
      // The offsets.
      {"offsets missing", OneTensor(R"({"dtype":"F32","shape":[0]})", 0),
       "tensor 'a': data_offsets is missing"},
      {"offsets a string", entry("\"F32\"", "[3]", "\"0-12\""), "integers, is a string"},
      {"no offset", entry("\"F32\"", "[3]", "[]"), "data_offsets must be a list of two"},
      {"one offset", entry("\"F32\"", "[3]", "[12]"), "integers, has 1"},
      {"three offsets", entry("\"F32\"", "[3]", "[0,12,24]"), "data_offsets has more than 2 items"},
      {"reversed", entry("\"F32\"", "[3]", "[12,0]"), "data_offsets [12, 0] are reversed"},
      {"negative", entry("\"F32\"", "[3]", "[-12,0]"), "integers, has -12"},
      {"a float", entry("\"F32\"", "[3]", "[0,12.0]"), "integers, has 12.0"},
      {"2^64", entry("\"F32\"", "[3]", "[0,18446744073709551616]"),
       "integers, has 1.8446744073709552e+19"},
      {"past the end", entry("\"F32\"", "[4]", "[0,16]"),
       "data_offsets [0, 16] reach past the end of the data (12 bytes)"},
      {"shorter than the shape", entry("\"F32\"", "[4]", "[0,12]"),
       "data_offsets [0, 12] hold 12 bytes, F32 [4] needs 16"},
      {"longer than the shape", entry("\"F32\"", "[0]", "[0,12]"),
       "hold 12 bytes, F32 [0] needs 0"},
      {"overlap", two("[0,4]", "[2,6]"), "tensor 'b': data begin at byte 2, inside the tensor"},
      {"same place", two("[0,4]", "[0,4]"), "tensor 'b': data begin at byte 0, inside the tensor"},
      {"gap", two("[0,4]", "[5,9]"),
       "tensor 'b': data begin at byte 5, after a gap: the tensor before ends at 4"},
      {"gap at the start", two("[4,8]", "[4,8]"), "tensor 'a': data begin at byte 4, after a gap"},
      {"trailing bytes", OneTensor(sound, 12) + "!!",
       "2 bytes after the last tensor's data belong to no tensor"},
  };
  for (const auto& [name, bytes, message] : cases) {
    SCOPED_TRACE(name);
    const absl::Status status = ParseStatus(bytes);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), StartsWith("m: "));
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("\n")));
  }
}

TEST(Safetensors, RefusesAFileCutOffAtAnyByte) {
  const std::string whole =
      base::SafetensorsBytes(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},
                           "b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})",
                             "12345");
  ASSERT_TRUE(ParseStatus(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    // A buffer of its own size lets a sanitizer see a read past the end.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const absl::Status status =
        ParseSafetensors("m", {reinterpret_cast<const std::byte*>(cut.data()), cut.size()})
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << "cut at byte " << size;
  }
}

TEST(Safetensors, OpenNamesTheFileThatItCannotRead) {
  const base::TemporaryFolder folder;
  EXPECT_TRUE(absl::IsNotFound(SafetensorsFile::Open(folder.PathOf("none")).status()));
  EXPECT_EQ(SafetensorsFile::Open(folder.path()).status().message(),
            absl::StrCat(folder.path(), ": is a folder, not a file"));
  EXPECT_EQ(SafetensorsFile::Open("/dev/zero").status().message(),
            "/dev/zero: is not a regular file");
  const std::string empty = folder.Write("empty", "");
  EXPECT_EQ(SafetensorsFile::Open(empty).status().message(),
            absl::StrCat(empty, ": is too short for a safetensors file (0 bytes)"));
}

}  // namespace
}  // namespace lluda::frontends
