#include "ir/op/attrs.h"

#include <cmath>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

constexpr int kKeys = static_cast<int>(AttrKey::kCount);

TEST(AttrsTest, KeysReadBackAndAreSortedByName) {
  for (int i = 0; i < kKeys; ++i) {
    const AttrKey key = static_cast<AttrKey>(i);
    EXPECT_EQ(AttrKeyFromName(AttrKeyName(key)), key);
    if (i > 0) {
      EXPECT_LT(AttrKeyName(static_cast<AttrKey>(i - 1)), AttrKeyName(key));
    }
  }
  EXPECT_EQ(AttrKeyFromName("axis"), std::nullopt);
}

TEST(AttrsTest, EachKeySetsItsOwnValueOnly) {
  const struct {
    AttrKey key;
    const char* text;
  } values[] = {{AttrKey::kBase, "10000"},
                {AttrKey::kBy, "0.08838834764831845"},
                {AttrKey::kEps, "1e-06"},
                {AttrKey::kEpilogue, "bias rope append"},
                {AttrKey::kMask, "causal"},
                {AttrKey::kOut, "bf16"},
                {AttrKey::kScale, "-0.5"},
                {AttrKey::kSoftcap, "50"},
                {AttrKey::kStep, "0"},
                {AttrKey::kWindow, "100000"},
                {AttrKey::kStyle, "half"},
                {AttrKey::kTile, "16x2"},
                {AttrKey::kValues, "1 0.1 -3e-05"}};
  for (const auto& value : values) {
    Attrs attrs;
    ASSERT_TRUE(SetAttrFromText(value.key, value.text, &attrs)) << value.text;
    EXPECT_EQ(AttrValueText(attrs, value.key), value.text);
    EXPECT_FALSE(attrs == Attrs());
    for (int i = 0; i < kKeys; ++i) {
      EXPECT_EQ(attrs.IsSet(static_cast<AttrKey>(i)), static_cast<AttrKey>(i) == value.key);
    }
  }
}

TEST(AttrsTest, TextThatIsNoValueIsRefused) {
  const struct {
    AttrKey key;
    const char* text;
  } values[] = {{AttrKey::kEps, ""},
                {AttrKey::kEps, "1e999"},
                {AttrKey::kEps, "nan"},
                {AttrKey::kEps, "1.5x"},
                {AttrKey::kEpilogue, ""},
                {AttrKey::kEpilogue, "none"},
                {AttrKey::kEpilogue, "norm_rope"},
                {AttrKey::kMask, "half"},
                {AttrKey::kOut, "float"},
                {AttrKey::kStyle, "causal"},
                {AttrKey::kTile, "16"},
                {AttrKey::kTile, "x2"},
                {AttrKey::kTile, "0x2"},
                {AttrKey::kTile, "16x2x1"},
                {AttrKey::kTile, "16x-2"},
                {AttrKey::kTile, "99999999999x2"},
                {AttrKey::kWindow, "0"},
                {AttrKey::kWindow, "-3"},
                {AttrKey::kWindow, "1.5"},
                {AttrKey::kWindow, "99999999999999999999"},
                {AttrKey::kValues, ""},
                {AttrKey::kValues, "1 x"},
                {AttrKey::kValues, "1 1e39"},
                {AttrKey::kValues, "nan"}};
  for (const auto& value : values) {
    Attrs attrs;
    EXPECT_FALSE(SetAttrFromText(value.key, value.text, &attrs)) << value.text;
    EXPECT_FALSE(attrs.IsSet(value.key)) << value.text;
  }
}

TEST(AttrsTest, NumbersPrintShortestAndReadBackExactly) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::ldexp(static_cast<double>(random()), i % 2000 - 1064);
    Attrs attrs, again;
    attrs.scale = i % 2 == 0 ? value : -value;
    const std::string text = AttrValueText(attrs, AttrKey::kScale);
    ASSERT_TRUE(SetAttrFromText(AttrKey::kScale, text, &again)) << text;
    ASSERT_EQ(*again.scale, *attrs.scale) << text;
  }
  Attrs attrs;
  attrs.by = 0.1;
  EXPECT_EQ(AttrValueText(attrs, AttrKey::kBy), "0.1");
}

TEST(AttrsTest, EqualityLooksAtEveryField) {
  void (*changes[])(Attrs*) = {
      [](Attrs* a) { a->axes = {"x"}; },
      [](Attrs* a) { a->result_axes = {{"x", Extent::Constant(1)}}; },
      [](Attrs* a) { a->begin = 1; },
      [](Attrs* a) { a->end = 1; },
  };
  for (const auto change : changes) {
    Attrs a;
    change(&a);
    EXPECT_FALSE(a == Attrs());
  }
}

}  // namespace
}  // namespace lluda::ir
