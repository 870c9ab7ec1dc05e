#include "ir/interpreter/tensor.h"

#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

Type MakeType(DType dtype, const std::vector<std::pair<std::string, int64_t>>& axes) {
  Type type{dtype, {}, {}};
  for (const auto& [name, extent] : axes) type.axes.push_back({name, Extent::Constant(extent)});
  return type;
}

absl::Span<const std::byte> Bytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

TEST(Tensor, StartsAsZerosOfItsSize) {
  const Tensor x(MakeType(DType::kF16, {{"a", 2}, {"b", 3}}));
  EXPECT_EQ(x.floats(), std::vector<float>(6, 0.0f));
}

TEST(Tensor, RoundsFloatsToItsDtype) {
  const Tensor x = Tensor::OfFloats(MakeType(DType::kBF16, {{"a", 2}}), {1.001f, 3.0f});
  EXPECT_EQ(x.floats(), (std::vector<float>{1.0f, 3.0f}));
}

TEST(Tensor, DropsALayoutBecauseItHasNoMeaning) {
  Type type = MakeType(DType::kF32, {{"n", 2}, {"k", 2}});
  type.layout = Layout::Panel(16, 2, "k");
  EXPECT_FALSE(Tensor(type).type().layout.is_panel());
}

TEST(Tensor, ReadsBytesOfEveryDtype) {
  const auto read = [](DType dtype, absl::string_view bytes) {
    return *Tensor::FromBytes(MakeType(dtype, {{"a", 1}}), Bytes(bytes));
  };
  EXPECT_EQ(read(DType::kF32, {"\x00\x00\xC0\x3F", 4}).floats()[0], 1.5f);
  EXPECT_EQ(read(DType::kBF16, {"\xC0\x3F", 2}).floats()[0], 1.5f);
  EXPECT_EQ(read(DType::kF16, {"\x00\x3E", 2}).floats()[0], 1.5f);
  EXPECT_EQ(read(DType::kI32, {"\xFE\xFF\xFF\xFF", 4}).ints()[0], -2);
  EXPECT_EQ(read(DType::kI64, {"\x00\x00\x00\x00\x01\x00\x00\x00", 8}).ints()[0], int64_t{1} << 32);
  EXPECT_EQ(read(DType::kI8, {"\x80", 1}).ints()[0], -128);
}

TEST(Tensor, RefusesTooFewOrTooManyBytes) {
  const Type type = MakeType(DType::kBF16, {{"a", 3}});
  const auto tensor = Tensor::FromBytes(type, Bytes("12345"));
  ASSERT_FALSE(tensor.ok());
  EXPECT_EQ(tensor.status().message(), "bf16 a[3] needs 6 bytes, got 5");
}

TEST(Tensor, PermutesByAxisName) {
  const Tensor x =
      Tensor::OfInts(MakeType(DType::kI32, {{"a", 2}, {"b", 3}}), {0, 1, 2, 10, 11, 12});
  const Tensor y = x.Permuted({"b", "a"});
  EXPECT_EQ(ToString(y.type()), "i32 b[3] a[2]");
  EXPECT_EQ(y.ints(), (std::vector<int64_t>{0, 10, 1, 11, 2, 12}));
}

TEST(ForEachIndex, WalksInRowMajorOrderWithAStridePerAxis) {
  std::vector<int64_t> seen;
  ForEachIndex<1>({2, 3}, {std::vector<int64_t>{1, 100}},
                  [&](const auto& at) { seen.push_back(at[0]); });
  EXPECT_EQ(seen, (std::vector<int64_t>{0, 100, 200, 1, 101, 201}));
}

TEST(ForEachIndex, VisitsAScalarOnce) {
  int visits = 0;
  ForEachIndex<1>({}, {std::vector<int64_t>{}}, [&](const auto&) { ++visits; });
  EXPECT_EQ(visits, 1);
}

TEST(StridesAlong, AreZeroForAnAxisThatIsMissing) {
  const Type type = MakeType(DType::kF32, {{"a", 2}, {"b", 3}});
  const std::vector<Axis> axes = MakeType(DType::kF32, {{"c", 5}, {"b", 3}, {"a", 2}}).axes;
  EXPECT_EQ(StridesAlong(axes, type), (std::vector<int64_t>{0, 1, 3}));
}

}  // namespace
}  // namespace lluda::ir
