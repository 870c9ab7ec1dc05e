#include "frontends/gguf/file/metadata.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace lluda::frontends::gguf {
namespace {

template <typename To, typename From>
To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

float FloatAt(const std::byte* raw) { return BitCast<float>(ReadLittleEndian<uint32_t>(raw)); }
double DoubleAt(const std::byte* raw) { return BitCast<double>(ReadLittleEndian<uint64_t>(raw)); }

bool IsInteger(ValueType type) {
  return ValueBytes(type) != 0 && type != ValueType::kF32 && type != ValueType::kF64 &&
         type != ValueType::kBool;
}

// An integer of the type; nothing for one that no int64_t is.
std::optional<int64_t> IntAt(ValueType type, const std::byte* raw) {
  switch (type) {
    case ValueType::kU8:
      return ReadLittleEndian<uint8_t>(raw);
    case ValueType::kI8:
      return ReadLittleEndian<int8_t>(raw);
    case ValueType::kU16:
      return ReadLittleEndian<uint16_t>(raw);
    case ValueType::kI16:
      return ReadLittleEndian<int16_t>(raw);
    case ValueType::kU32:
      return ReadLittleEndian<uint32_t>(raw);
    case ValueType::kI32:
      return ReadLittleEndian<int32_t>(raw);
    case ValueType::kI64:
      return ReadLittleEndian<int64_t>(raw);
    case ValueType::kU64: {
      const uint64_t value = ReadLittleEndian<uint64_t>(raw);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

// What the file holds instead of what is asked for.
std::string Is(const Entry& entry) {
  if (entry.type == ValueType::kArray) {
    return absl::StrCat("is an array of ", ValueTypeName(entry.element_type));
  }
  return absl::StrCat("is of type ", ValueTypeName(entry.type));
}

std::string IsInstead(const Entry& entry) {
  return entry.type == ValueType::kArray || entry.type == ValueType::kString
             ? Is(entry)
             : absl::StrCat("is ", DescribeValue(entry));
}

bool IsValidUtf8(absl::string_view text) {
  const std::string_view view(text.data(), text.size());
  return base::ReplaceInvalidUtf8(view) == view;
}

// The strings of an array, or a single one, one behind the other as the file has them.
absl::string_view NextString(absl::Span<const std::byte>* raw) {
  const uint64_t length = ReadLittleEndian<uint64_t>(raw->data());
  raw->remove_prefix(sizeof(length));
  const absl::string_view text(reinterpret_cast<const char*>(raw->data()),
                               static_cast<size_t>(length));
  raw->remove_prefix(text.size());
  return text;
}

constexpr size_t kShownBytes = 60;

}  // namespace

Metadata::Metadata(std::string label, const std::vector<Entry>& entries)
    : label_(std::move(label)) {
  for (const Entry& entry : entries) entries_.emplace(entry.key, entry);
}

const Entry* Metadata::Find(absl::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<const Entry*> Metadata::WithPrefix(absl::string_view prefix) const {
  std::vector<const Entry*> found;
  for (const auto& [key, entry] : entries_) {
    if (absl::StartsWith(key, prefix)) found.push_back(&entry);
  }
  std::sort(found.begin(), found.end(),
            [](const Entry* a, const Entry* b) { return a->key < b->key; });
  return found;
}

absl::Status Metadata::Error(absl::string_view key, absl::string_view reason) const {
  return absl::InvalidArgumentError(absl::StrCat(label_, ": key '", key, "': ", reason));
}

absl::StatusOr<const Entry*> Metadata::Get(absl::string_view key) const {
  const Entry* entry = Find(key);
  if (entry != nullptr) return entry;
  return absl::InvalidArgumentError(absl::StrCat(label_, ": key '", key, "' is missing"));
}

absl::StatusOr<int64_t> Metadata::Int(absl::string_view key, int64_t min, int64_t max) const {
  ASSIGN_OR_RETURN(const Entry* entry, Get(key));
  if (IsInteger(entry->type)) {
    const std::optional<int64_t> value = IntAt(entry->type, entry->raw.data());
    if (value && *value >= min && *value <= max) return *value;
  }
  return Error(key,
               absl::StrCat("must be an integer from ", min, " to ", max, ", ", IsInstead(*entry)));
}

absl::StatusOr<double> Metadata::Number(absl::string_view key) const {
  ASSIGN_OR_RETURN(const Entry* entry, Get(key));
  double value = std::numeric_limits<double>::quiet_NaN();
  if (entry->type == ValueType::kF32) {
    const float narrow = FloatAt(entry->raw.data());
    if (std::isfinite(narrow) && !absl::SimpleAtod(ShortestDecimal(narrow), &value)) value = narrow;
  } else if (entry->type == ValueType::kF64) {
    value = DoubleAt(entry->raw.data());
  } else if (IsInteger(entry->type)) {
    const std::optional<int64_t> integer = IntAt(entry->type, entry->raw.data());
    if (integer) value = static_cast<double>(*integer);
  }
  if (std::isfinite(value)) return value;
  return Error(key, absl::StrCat("must be a finite number, ", IsInstead(*entry)));
}

absl::StatusOr<bool> Metadata::Bool(absl::string_view key) const {
  ASSIGN_OR_RETURN(const Entry* entry, Get(key));
  if (entry->type == ValueType::kBool) return entry->raw[0] == std::byte{1};
  return Error(key, absl::StrCat("must be a bool, ", Is(*entry)));
}

absl::StatusOr<absl::string_view> Metadata::String(absl::string_view key) const {
  ASSIGN_OR_RETURN(const Entry* entry, Get(key));
  if (entry->type != ValueType::kString) {
    return Error(key, absl::StrCat("must be a string, ", Is(*entry)));
  }
  absl::Span<const std::byte> raw = entry->raw;
  const absl::string_view text = NextString(&raw);
  if (IsValidUtf8(text)) return text;
  return Error(key, "must be valid UTF-8");
}

absl::StatusOr<std::vector<absl::string_view>> Metadata::Strings(absl::string_view key) const {
  ASSIGN_OR_RETURN(const Entry* entry, Get(key));
  if (entry->type != ValueType::kArray || entry->element_type != ValueType::kString) {
    return Error(key, absl::StrCat("must be an array of strings, ", Is(*entry)));
  }
  std::vector<absl::string_view> strings;
  strings.reserve(static_cast<size_t>(entry->count));
  absl::Span<const std::byte> raw = entry->raw;
  for (uint64_t i = 0; i < entry->count; ++i) strings.push_back(NextString(&raw));
  return strings;
}

absl::StatusOr<std::vector<int64_t>> Metadata::Ints(absl::string_view key, int64_t min,
                                                    int64_t max) const {
  ASSIGN_OR_RETURN(const Entry* entry, Get(key));
  if (!IsInteger(entry->element_type)) {
    return Error(key, absl::StrCat("must be integers, ", Is(*entry)));
  }
  std::vector<int64_t> values;
  values.reserve(static_cast<size_t>(entry->count));
  const size_t bytes = ValueBytes(entry->element_type);
  for (uint64_t i = 0; i < entry->count; ++i) {
    const std::optional<int64_t> value = IntAt(entry->element_type, &entry->raw[i * bytes]);
    if (!value || *value < min || *value > max) {
      return Error(key, absl::StrCat("item ", i, " must be an integer from ", min, " to ", max));
    }
    values.push_back(*value);
  }
  return values;
}

absl::StatusOr<std::vector<float>> Metadata::Floats(absl::string_view key) const {
  ASSIGN_OR_RETURN(const Entry* entry, Get(key));
  if (entry->element_type != ValueType::kF32) {
    return Error(key, absl::StrCat("must be f32s, ", Is(*entry)));
  }
  std::vector<float> values;
  values.reserve(static_cast<size_t>(entry->count));
  for (uint64_t i = 0; i < entry->count; ++i) {
    values.push_back(FloatAt(&entry->raw[i * sizeof(float)]));
  }
  return values;
}

std::string ShortestDecimal(float value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, result.ptr);
}

std::string DescribeValue(const Entry& entry) {
  if (entry.type == ValueType::kArray) {
    return absl::StrCat("[", entry.count, " ", ValueTypeName(entry.element_type),
                        entry.count == 1 ? "]" : "s]");
  }
  switch (entry.type) {
    case ValueType::kString: {
      absl::Span<const std::byte> raw = entry.raw;
      const absl::string_view text = NextString(&raw);
      const std::string valid = base::ReplaceInvalidUtf8(base::ToStd(text.substr(0, kShownBytes)));
      const size_t whole = base::CompleteUtf8Prefix(valid);
      return absl::StrCat("'", base::QuoteName(valid.substr(0, whole)),
                          text.size() > kShownBytes ? "...'" : "'");
    }
    case ValueType::kBool:
      return entry.raw[0] == std::byte{1} ? "true" : "false";
    case ValueType::kF32:
      return ShortestDecimal(FloatAt(entry.raw.data()));
    case ValueType::kF64:
      return absl::StrCat(DoubleAt(entry.raw.data()));
    default:
      break;
  }
  const std::optional<int64_t> value = IntAt(entry.type, entry.raw.data());
  return value ? absl::StrCat(*value) : absl::StrCat(ReadLittleEndian<uint64_t>(entry.raw.data()));
}

}  // namespace lluda::frontends::gguf
