#include "frontends/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"

namespace lluda::frontends {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::StartsWith;

constexpr char kIndex[] = "model.safetensors.index.json";

// A file that holds one tensor of four bytes.
std::string Shard(absl::string_view tensor, absl::string_view data) {
  return base::SafetensorsBytes(
      absl::StrCat("{\"", tensor,
                   "\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":", "[0,4]}}"),
      data);
}

std::string Text(const TensorView& tensor) {
  return std::string(reinterpret_cast<const char*>(tensor.data), tensor.bytes);
}

TEST(Checkpoint, ReadsASingleFile) {
  const base::TemporaryFolder folder;
  folder.Write("model.safetensors", Shard("a", "1234"));
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  absl::StatusOr<const TensorView*> tensor = checkpoint->Get("a");
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(Text(**tensor), "1234");
  EXPECT_EQ(checkpoint->Find("b"), nullptr);
  EXPECT_EQ(checkpoint->total_bytes(), 4);
  EXPECT_EQ(checkpoint->Get("b").status(),
            absl::NotFoundError(
                absl::StrCat(folder.path(), "/model.safetensors: tensor 'b' is missing")));
}

TEST(Checkpoint, ReadsShardsThroughTheIndexAndSurvivesMoving) {
  const base::TemporaryFolder folder;
  folder.Write("one.safetensors", Shard("a", "1234"));
  folder.Write("two.safetensors", Shard("b", "5678"));
  folder.Write(kIndex, R"({"metadata": {"total_size": 8},
                           "weight_map": {"b": "two.safetensors", "a": "one.safetensors"}})");
  absl::StatusOr<Checkpoint> opened = Checkpoint::Open(folder.path());
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Checkpoint checkpoint = *std::move(opened);
  EXPECT_EQ(checkpoint.files().size(), 2u);
  EXPECT_EQ(checkpoint.total_bytes(), 8);
  ASSERT_NE(checkpoint.Find("a"), nullptr);
  ASSERT_TRUE(checkpoint.Get("b").ok());
  checkpoint.WillNeed(*checkpoint.Find("a"));
  checkpoint.DropPages(*checkpoint.Find("b"));
  EXPECT_EQ(Text(*checkpoint.Find("a")), "1234");
  EXPECT_EQ(Text(*checkpoint.Find("b")), "5678");
  EXPECT_EQ(checkpoint.Get("c").status(),
            absl::NotFoundError(absl::StrCat(folder.path(), ": tensor 'c' is missing")));
}

TEST(Checkpoint, ASingleFileCountsBeforeAnIndex) {
  const base::TemporaryFolder folder;
  folder.Write("model.safetensors", Shard("a", "1234"));
  folder.Write(kIndex, "not even JSON");
  EXPECT_TRUE(Checkpoint::Open(folder.path()).ok());
}

TEST(Checkpoint, AnUnsoundSingleFileIsNotPassedOver) {
  const base::TemporaryFolder folder;
  folder.Write("model.safetensors", "short");
  folder.Write("one.safetensors", Shard("a", "1234"));
  folder.Write(kIndex, R"({"weight_map": {"a": "one.safetensors"}})");
  EXPECT_EQ(Checkpoint::Open(folder.path()).status().message(),
            absl::StrCat(folder.path(),
                         "/model.safetensors: is too short for a safetensors file (5 bytes)"));
}

TEST(Checkpoint, AFolderWithoutEitherFileIsNotFound) {
  const base::TemporaryFolder folder;
  EXPECT_EQ(
      Checkpoint::Open(folder.path()).status(),
      absl::NotFoundError(absl::StrCat(
          folder.path(), ": has neither model.safetensors nor model.safetensors.index.json")));
}

TEST(Checkpoint, RefusesAnIndexWhoseShardsCannotBeFound) {
  const base::TemporaryFolder folder;
  folder.Write("one.safetensors", Shard("a", "1234"));
  folder.Write("two.safetensors", Shard("b", "5678"));
  folder.Write("again.safetensors", Shard("a", "1234"));
  folder.Write("below/one.safetensors", Shard("a", "1234"));
  const std::string not_plain = "must be the name of a file in the same folder";
  const struct {
    std::string index;
    absl::StatusCode code;
    std::string message;
  } cases[] = {
      {R"({"weight_map": {"a": "none.safetensors"}})", absl::StatusCode::kNotFound,
       "shard 'none.safetensors' is missing from the folder"},
      {R"({"weight_map": {"a": "../../etc/passwd"}})", absl::StatusCode::kInvalidArgument,
       absl::StrCat("tensor 'a': shard '../../etc/passwd' ", not_plain)},
      {R"({"weight_map": {"a": "/etc/passwd"}})", absl::StatusCode::kInvalidArgument,
       absl::StrCat("tensor 'a': shard '/etc/passwd' ", not_plain)},
      {R"({"weight_map": {"a": "below/one.safetensors"}})", absl::StatusCode::kInvalidArgument,
       absl::StrCat("tensor 'a': shard 'below/one.safetensors' ", not_plain)},
      {R"({"weight_map": {"a": ".."}})", absl::StatusCode::kInvalidArgument,
       absl::StrCat("tensor 'a': shard '..' ", not_plain)},
      {R"({"weight_map": {"a": ""}})", absl::StatusCode::kInvalidArgument,
       absl::StrCat("tensor 'a': shard '' ", not_plain)},
      {R"({"weight_map": {"a": "one.safetensors\u0000.txt"}})", absl::StatusCode::kInvalidArgument,
       absl::StrCat("tensor 'a': shard 'one.safetensors\\000.txt' ", not_plain)},
      {R"({"weight_map": {"a": "one.safetensors", "a": "again.safetensors"}})",
       absl::StatusCode::kInvalidArgument, "field 'weight_map.a' appears twice"},
      {R"({"weight_map": {"a": 1}})", absl::StatusCode::kInvalidArgument,
       "field 'weight_map.a' must be a string, is 1"},
      {R"({"weight_map": {}})", absl::StatusCode::kInvalidArgument,
       "field 'weight_map' names no tensor"},
      {R"({"weight_map": []})", absl::StatusCode::kInvalidArgument,
       "field 'weight_map' must be an object, is a list"},
      {"{}", absl::StatusCode::kInvalidArgument, "field 'weight_map' is missing"},
  };
  for (const auto& [index, code, message] : cases) {
    const std::string path = folder.Write(kIndex, index);
    const absl::Status status = Checkpoint::Open(folder.path()).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(status.message(), absl::StrCat(path, ": ", message));
  }
}

// A file that holds two tensors of one byte, a and b.
std::string TwoTensors(absl::string_view data) {
  return base::SafetensorsBytes(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},
                              "b":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}})",
                                data);
}

TEST(Checkpoint, ATensorIsWhereAShardHasItWhateverTheIndexSays) {
  const base::TemporaryFolder folder;
  folder.Write("one.safetensors", TwoTensors("12"));
  folder.Write("two.safetensors", Shard("c", "5678"));
  folder.Write("other.safetensors", "is not looked at");
  // Of 'one' it leaves out b; c is said to be in the wrong shard, d nowhere to be found.
  folder.Write(kIndex, R"({"weight_map": {"a": "one.safetensors", "c": "one.safetensors",
                                          "d": "two.safetensors"}})");
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->Names(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(Text(*checkpoint->Find("b")), "2");
  EXPECT_EQ(Text(*checkpoint->Find("c")), "5678");
  EXPECT_TRUE(absl::IsNotFound(checkpoint->Get("d").status()));
}

TEST(Checkpoint, ATensorInTwoShardsHasToBeTheSameInBoth) {
  const base::TemporaryFolder folder;
  folder.Write("one.safetensors", TwoTensors("12"));
  folder.Write("two.safetensors", TwoTensors("12"));
  folder.Write(kIndex, R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(Text(*checkpoint->Find("b")), "2");

  folder.Write("two.safetensors", TwoTensors("13"));
  EXPECT_THAT(std::string(Checkpoint::Open(folder.path()).status().message()),
              EndsWith("tensor 'b' is in both 'one.safetensors' and 'two.safetensors'"));
  folder.Write("two.safetensors", Shard("a", "1111"));  // another shape
  EXPECT_THAT(std::string(Checkpoint::Open(folder.path()).status().message()),
              EndsWith("tensor 'a' is in both 'one.safetensors' and 'two.safetensors'"));
}

TEST(Checkpoint, ARenamedTensorIsFoundByItsNewNameAlone) {
  const base::TemporaryFolder folder;
  const std::string path = folder.Write("model.safetensors", TwoTensors("12"));
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  checkpoint->Rename("b", "x.b");
  EXPECT_THAT(checkpoint->Names(), ElementsAre("a", "x.b"));
  EXPECT_EQ(checkpoint->Find("b"), nullptr);
  const absl::StatusOr<const TensorView*> tensor = checkpoint->Get("x.b");
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(Text(**tensor), "2");
  checkpoint->WillNeed(**tensor);
  checkpoint->DropPages(**tensor);
}

TEST(Checkpoint, TensorsAreEqualIfDtypeShapeAndBytesAre) {
  const base::TemporaryFolder folder;
  folder.Write("model.safetensors",
               base::SafetensorsBytes(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
                                    "b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]},
                                    "c":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},
                                    "d":{"dtype":"U8","shape":[1,2],"data_offsets":[6,8]},
                                    "e":{"dtype":"I8","shape":[2],"data_offsets":[8,10]}})",
                                      "1212131212"));
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto equals_a = [&](absl::string_view other) {
    return checkpoint->AreEqual(*checkpoint->Find("a"), *checkpoint->Find(other));
  };
  EXPECT_TRUE(equals_a("b"));
  EXPECT_FALSE(equals_a("c"));
  EXPECT_FALSE(equals_a("d"));
  EXPECT_FALSE(equals_a("e"));
}

// Rows of two bytes: the row's number, and the first byte of "a".
DerivedTensor RowsOf(const TensorView& a, int64_t rows) {
  DerivedTensor tensor;
  tensor.view = {"derived", ir::DType::kI8, "I8",
                 {rows, 2}, nullptr,        static_cast<size_t>(2 * rows)};
  tensor.parts = {a};
  tensor.write = [a](int64_t begin, int64_t end, std::byte* to) {
    for (int64_t row = begin; row < end; ++row) {
      if (row == 5) return absl::InvalidArgumentError("row 5 is odd");
      *to++ = static_cast<std::byte>(row);
      *to++ = a.data[0];
    }
    return absl::OkStatus();
  };
  return tensor;
}

TEST(Checkpoint, ADerivedTensorIsMadeWhenItIsRead) {
  const base::TemporaryFolder folder;
  folder.Write("model.safetensors", Shard("a", "x234"));
  absl::StatusOr<Checkpoint> opened = Checkpoint::Open(folder.path());
  ASSERT_TRUE(opened.ok()) << opened.status();
  opened->Add(RowsOf(*opened->Find("a"), 3));
  opened->Remove("a");
  const Checkpoint checkpoint = *std::move(opened);
  EXPECT_THAT(checkpoint.Names(), ElementsAre("derived"));
  const TensorView* view = checkpoint.Find("derived");
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(*checkpoint.Get("derived"), view);
  EXPECT_NE(checkpoint.DerivedOf(*view), nullptr);
  EXPECT_TRUE(checkpoint.AreEqual(*view, *view));
  checkpoint.WillNeed(*view);
  checkpoint.DropPages(*view);
  const RunRows in_turns = [](int64_t items, const std::function<void(int64_t, int64_t)>& body) {
    for (int64_t i = items - 1; i >= 0; --i) body(i, i + 1);
  };
  for (const RunRows& run : {RunRows(), in_turns}) {
    const absl::StatusOr<TensorBytes> bytes = checkpoint.Read("derived", run);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes->span.data()), bytes->span.size()),
              std::string("\0x\1x\2x", 6));
  }
}

TEST(Checkpoint, AnErrorOfMakingATensorIsThatOfItsFirstRows) {
  const base::TemporaryFolder folder;
  folder.Write("model.safetensors", Shard("a", "x234"));
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  checkpoint->Add(RowsOf(*checkpoint->Find("a"), 8));
  const auto run = [](int64_t items, const std::function<void(int64_t, int64_t)>& body) {
    body(4, items);
    body(0, 4);
  };
  EXPECT_EQ(checkpoint->Read("derived").status().message(), "row 5 is odd");
  EXPECT_EQ(checkpoint->Read("derived", run).status().message(), "row 5 is odd");
  // What lies in a file is read there.
  EXPECT_EQ(checkpoint->Read("a")->span.data(), checkpoint->Find("a")->data);
  EXPECT_FALSE(checkpoint->Read("b").ok());
}

TEST(Checkpoint, AnUnsoundShardIsNamed) {
  const base::TemporaryFolder folder;
  const std::string shard = folder.Write("one.safetensors", "short");
  folder.Write(kIndex, R"({"weight_map": {"a": "one.safetensors"}})");
  EXPECT_THAT(std::string(Checkpoint::Open(folder.path()).status().message()),
              StartsWith(absl::StrCat(shard, ": ")));
}

}  // namespace
}  // namespace lluda::frontends
