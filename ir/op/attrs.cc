#include "ir/op/attrs.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace lluda::ir {
namespace {

enum class ValueKind : uint8_t {
  kNumber,
  kCount,
  kDType,
  kEpilogue,
  kMask,
  kStyle,
  kTile,
  kFloats
};

// One row per AttrKey, in the enum's order. `number` and `count` are set for attributes of that kind
// only.
struct AttrRow {
  AttrKey key;
  absl::string_view name;
  ValueKind kind;
  std::optional<double> Attrs::* number;
  std::optional<int64_t> Attrs::* count = nullptr;
};
constexpr AttrRow kRows[] = {
    {AttrKey::kAfter, "after", ValueKind::kCount, nullptr, &Attrs::after},
    {AttrKey::kBase, "base", ValueKind::kNumber, &Attrs::base},
    {AttrKey::kBefore, "before", ValueKind::kCount, nullptr, &Attrs::before},
    {AttrKey::kBy, "by", ValueKind::kNumber, &Attrs::by},
    {AttrKey::kEpilogue, "epilogue", ValueKind::kEpilogue, nullptr},
    {AttrKey::kEps, "eps", ValueKind::kNumber, &Attrs::eps},
    {AttrKey::kMask, "mask", ValueKind::kMask, nullptr},
    {AttrKey::kOut, "out", ValueKind::kDType, nullptr},
    {AttrKey::kRing, "ring", ValueKind::kCount, nullptr, &Attrs::ring},
    {AttrKey::kScale, "scale", ValueKind::kNumber, &Attrs::scale},
    {AttrKey::kSoftcap, "softcap", ValueKind::kNumber, &Attrs::softcap},
    {AttrKey::kStep, "step", ValueKind::kNumber, &Attrs::step},
    {AttrKey::kStride, "stride", ValueKind::kCount, nullptr, &Attrs::stride},
    {AttrKey::kStyle, "style", ValueKind::kStyle, nullptr},
    {AttrKey::kTile, "tile", ValueKind::kTile, nullptr},
    {AttrKey::kValues, "values", ValueKind::kFloats, nullptr},
    {AttrKey::kWindow, "window", ValueKind::kCount, nullptr, &Attrs::window},
};
static_assert(std::size(kRows) == static_cast<size_t>(AttrKey::kCount));

template <typename E>
struct EnumName {
  E value;
  absl::string_view name;
};
constexpr EnumName<Mask> kMasks[] = {{Mask::kCausal, "causal"}};
constexpr EnumName<RopeStyle> kStyles[] = {{RopeStyle::kHalf, "half"}};

template <typename E, typename Row, size_t N>
std::string NameOf(const Row (&table)[N], E value) {
  for (const auto& row : table) {
    if (row.value == value) return std::string(row.name);
  }
  return "";
}

template <typename E, typename Row, size_t N>
bool FromName(const Row (&table)[N], absl::string_view name, E* value) {
  for (const auto& row : table) {
    if (row.name == name) {
      *value = row.value;
      return true;
    }
  }
  return false;
}

const AttrRow& Row(AttrKey key) { return kRows[static_cast<int>(key)]; }

// Of a double or a float, each read back as the same.
template <typename Number>
std::string ShortestNumber(Number value) {
  char buffer[40];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, result.ptr);
}

bool ReadFloats(absl::string_view text, std::vector<float>* values) {
  std::vector<float> read;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    float value;
    if (!absl::SimpleAtof(word, &value) || !std::isfinite(value)) return false;
    read.push_back(value);
  }
  *values = std::move(read);
  return true;
}

bool ReadTile(absl::string_view text, std::optional<PanelShape>* tile) {
  const size_t x = text.find('x');
  PanelShape read;
  if (x == absl::string_view::npos || !absl::SimpleAtoi(text.substr(0, x), &read.rows) ||
      !absl::SimpleAtoi(text.substr(x + 1), &read.depth) || read.rows < 1 || read.depth < 1) {
    return false;
  }
  *tile = read;
  return true;
}

}  // namespace

bool Attrs::operator==(const Attrs& o) const {
  return axes == o.axes && result_axes == o.result_axes && begin == o.begin && end == o.end &&
         base == o.base && by == o.by && eps == o.eps && scale == o.scale && softcap == o.softcap &&
         step == o.step && window == o.window && ring == o.ring && before == o.before &&
         after == o.after && stride == o.stride && out == o.out && epilogue == o.epilogue &&
         mask == o.mask && style == o.style && tile == o.tile && values == o.values;
}

bool Attrs::IsSet(AttrKey key) const {
  const AttrRow& row = Row(key);
  switch (row.kind) {
    case ValueKind::kNumber:
      return (this->*row.number).has_value();
    case ValueKind::kCount:
      return (this->*row.count).has_value();
    case ValueKind::kDType:
      return out.has_value();
    case ValueKind::kEpilogue:
      return !epilogue.empty();
    case ValueKind::kMask:
      return mask != Mask::kNone;
    case ValueKind::kStyle:
      return style != RopeStyle::kNone;
    case ValueKind::kTile:
      return tile.has_value();
    case ValueKind::kFloats:
      return !values.empty();
  }
  return false;
}

absl::string_view AttrKeyName(AttrKey key) { return Row(key).name; }

std::optional<AttrKey> AttrKeyFromName(absl::string_view name) {
  for (const AttrRow& row : kRows) {
    if (row.name == name) return row.key;
  }
  return std::nullopt;
}

bool TakesSeveralWords(AttrKey key) {
  return Row(key).kind == ValueKind::kEpilogue || Row(key).kind == ValueKind::kFloats;
}

std::string AttrValueText(const Attrs& attrs, AttrKey key) {
  const AttrRow& row = Row(key);
  switch (row.kind) {
    case ValueKind::kNumber:
      return ShortestNumber(*(attrs.*row.number));
    case ValueKind::kCount:
      return absl::StrCat(*(attrs.*row.count));
    case ValueKind::kDType:
      return std::string(DTypeName(*attrs.out));
    case ValueKind::kEpilogue:
      return attrs.epilogue.ToString();
    case ValueKind::kMask:
      return NameOf(kMasks, attrs.mask);
    case ValueKind::kStyle:
      return NameOf(kStyles, attrs.style);
    case ValueKind::kTile:
      return absl::StrCat(attrs.tile->rows, "x", attrs.tile->depth);
    case ValueKind::kFloats:
      return absl::StrJoin(attrs.values, " ", [](std::string* out, float value) {
        out->append(ShortestNumber(value));
      });
  }
  return "";
}

bool SetAttrFromText(AttrKey key, absl::string_view text, Attrs* attrs) {
  const AttrRow& row = Row(key);
  switch (row.kind) {
    case ValueKind::kNumber: {
      double value;
      if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) return false;
      attrs->*row.number = value;
      return true;
    }
    case ValueKind::kCount: {
      int64_t value;
      if (!absl::SimpleAtoi(text, &value) || value < 1) return false;
      attrs->*row.count = value;
      return true;
    }
    case ValueKind::kDType:
      attrs->out = DTypeFromName(text);
      return attrs->out.has_value();
    case ValueKind::kEpilogue: {
      const std::optional<Epilogue> epilogue = Epilogue::FromText(text);
      if (epilogue) attrs->epilogue = *epilogue;
      return epilogue.has_value();
    }
    case ValueKind::kMask:
      return FromName(kMasks, text, &attrs->mask);
    case ValueKind::kStyle:
      return FromName(kStyles, text, &attrs->style);
    case ValueKind::kTile:
      return ReadTile(text, &attrs->tile);
    case ValueKind::kFloats:
      return ReadFloats(text, &attrs->values);
  }
  return false;
}

}  // namespace lluda::ir
