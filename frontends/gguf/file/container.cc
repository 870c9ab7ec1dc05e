#include "frontends/gguf/file/container.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"

namespace lluda::frontends::gguf {
namespace {

constexpr absl::string_view kMagic = "GGUF";
constexpr absl::string_view kReversedMagic = "FUGG";
// The least that a key with its value, and a tensor, take: a length and one character, then two
// types or numbers of the smallest kind.
constexpr uint64_t kLeastEntryBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kLeastTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;
// Some hundred times what files have; they bound the memory that a header takes.
constexpr uint64_t kMostEntries = 1 << 16;
constexpr uint64_t kMostTensors = 1 << 20;
constexpr uint64_t kMostKeyBytes = 65535;
constexpr uint64_t kMostNameBytes = 63;
constexpr uint32_t kMostAxes = 4;
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kLeastAlignment = 8;
constexpr uint64_t kMostAlignment = 1 << 20;
constexpr absl::string_view kAlignmentKey = "general.alignment";

struct ValueTypeRow {
  absl::string_view name;
  size_t bytes;
};
// In the order of the enum.
constexpr ValueTypeRow kValues[] = {
    {"u8", 1},   {"i8", 1},     {"u16", 2},   {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
};
static_assert(std::size(kValues) == kValueTypes);

absl::Status Invalid(absl::string_view reason) { return absl::InvalidArgumentError(reason); }

std::string Quoted(absl::string_view name) { return absl::StrCat("'", base::QuoteName(name), "'"); }

// Reads the header from front to back, never past the end.
class Cursor {
 public:
  explicit Cursor(absl::Span<const std::byte> rest) : rest_(rest) {}

  size_t left() const { return rest_.size(); }

  absl::StatusOr<absl::Span<const std::byte>> Take(uint64_t bytes, absl::string_view what) {
    if (bytes > rest_.size()) {
      return Invalid(absl::StrCat("the file ends inside ", what, ": ", bytes, " bytes, but ",
                                  rest_.size(), " are left"));
    }
    const absl::Span<const std::byte> taken = rest_.first(static_cast<size_t>(bytes));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  template <typename T>
  absl::StatusOr<T> Number(absl::string_view what) {
    ASSIGN_OR_RETURN(absl::Span<const std::byte> bytes, Take(sizeof(T), what));
    return ReadLittleEndian<T>(bytes.data());
  }

  absl::StatusOr<absl::string_view> String(absl::string_view what) {
    ASSIGN_OR_RETURN(const uint64_t length, Number<uint64_t>(what));
    ASSIGN_OR_RETURN(absl::Span<const std::byte> bytes, Take(length, what));
    return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  // What lies between `start`, an earlier value of left(), and here.
  absl::Span<const std::byte> Since(size_t start) const {
    return {rest_.data() - (start - rest_.size()), start - rest_.size()};
  }

 private:
  absl::Span<const std::byte> rest_;
};

absl::StatusOr<ValueType> ReadValueType(Cursor* cursor) {
  ASSIGN_OR_RETURN(const uint32_t type, cursor->Number<uint32_t>("a value's type"));
  if (type < kValueTypes) return static_cast<ValueType>(type);
  return Invalid(absl::StrCat("value type ", type, " is unknown"));
}

absl::Status CheckBools(absl::Span<const std::byte> raw) {
  for (const std::byte value : raw) {
    if (value == std::byte{0} || value == std::byte{1}) continue;
    return Invalid(absl::StrCat("a bool must be 0 or 1, is ", static_cast<int>(value)));
  }
  return absl::OkStatus();
}

// The elements of an array, or a single value.
absl::Status ReadRaw(Cursor* cursor, Entry* entry) {
  const size_t start = cursor->left();
  if (entry->element_type == ValueType::kString) {
    if (entry->count > cursor->left() / sizeof(uint64_t)) {
      return Invalid(absl::StrCat(entry->count, " strings do not fit the ", cursor->left(),
                                  " bytes that are left"));
    }
    for (uint64_t i = 0; i < entry->count; ++i) {
      RETURN_IF_ERROR(cursor->String("a string"));
    }
    entry->raw = cursor->Since(start);
    return absl::OkStatus();
  }
  const size_t bytes = ValueBytes(entry->element_type);
  if (entry->count > cursor->left() / bytes) {
    return Invalid(absl::StrCat(entry->count, " values of ", bytes, " bytes do not fit the ",
                                cursor->left(), " bytes that are left"));
  }
  ASSIGN_OR_RETURN(entry->raw, cursor->Take(entry->count * bytes, "a value"));
  return entry->element_type == ValueType::kBool ? CheckBools(entry->raw) : absl::OkStatus();
}

absl::Status ReadValue(Cursor* cursor, Entry* entry) {
  ASSIGN_OR_RETURN(entry->type, ReadValueType(cursor));
  entry->element_type = entry->type;
  entry->count = 1;
  if (entry->type == ValueType::kArray) {
    ASSIGN_OR_RETURN(entry->element_type, ReadValueType(cursor));
    if (entry->element_type == ValueType::kArray) {
      return absl::UnimplementedError("an array of arrays is not supported");
    }
    ASSIGN_OR_RETURN(entry->count, cursor->Number<uint64_t>("an array's length"));
  }
  return ReadRaw(cursor, entry);
}

absl::Status CheckKey(absl::string_view key) {
  if (key.empty()) return Invalid("a key is empty");
  if (key.size() > kMostKeyBytes) {
    return Invalid(absl::StrCat("a key has ", key.size(), " bytes, at most ", kMostKeyBytes));
  }
  const auto is_printable = [](char c) { return c > ' ' && c <= '~'; };
  if (std::all_of(key.begin(), key.end(), is_printable)) return absl::OkStatus();
  return Invalid(absl::StrCat("key ", Quoted(key), " is not printable ASCII"));
}

absl::Status ReadEntries(Cursor* cursor, uint64_t count, Container* container) {
  absl::flat_hash_set<absl::string_view> keys;
  for (uint64_t i = 0; i < count; ++i) {
    Entry entry{};
    absl::StatusOr<absl::string_view> key = cursor->String("a key");
    if (!key.ok()) {
      return Invalid(absl::StrCat("key ", i, " of ", count, ": ", key.status().message()));
    }
    entry.key = *key;
    RETURN_IF_ERROR(CheckKey(entry.key));
    if (absl::Status status = ReadValue(cursor, &entry); !status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("key ", Quoted(entry.key), ": ", status.message()));
    }
    if (!keys.insert(entry.key).second) {
      return Invalid(absl::StrCat("key ", Quoted(entry.key), " is there twice"));
    }
    container->entries.push_back(entry);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> AlignmentOf(const Container& container) {
  for (const Entry& entry : container.entries) {
    if (entry.key != kAlignmentKey) continue;
    const std::string where = absl::StrCat("key '", kAlignmentKey, "': ");
    if (entry.type != ValueType::kU32) {
      return Invalid(absl::StrCat(where, "must be a u32, is of type ", ValueTypeName(entry.type)));
    }
    const uint64_t value = ReadLittleEndian<uint32_t>(entry.raw.data());
    if (value < kLeastAlignment || value > kMostAlignment || (value & (value - 1)) != 0) {
      return Invalid(absl::StrCat(where, "must be a power of two from ", kLeastAlignment, " to ",
                                  kMostAlignment, ", is ", value));
    }
    return value;
  }
  return kDefaultAlignment;
}

// A tensor as its line of the header has it; where its data lie is still an offset.
struct Listed {
  Tensor tensor;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

absl::Status CheckType(uint32_t id, const GgmlType* type) {
  if (type == nullptr) return absl::UnimplementedError(absl::StrCat("type ", id, " is unknown"));
  const std::string name = absl::StrCat("type ", id, " (", type->name, ") ");
  switch (type->use) {
    case GgmlUse::kInFiles:
      return absl::OkStatus();
    case GgmlUse::kActivations:
      return absl::UnimplementedError(absl::StrCat(name, "is not for tensors of files"));
    case GgmlUse::kRemoved:
      return absl::UnimplementedError(absl::StrCat(name, "was removed from the format"));
    case GgmlUse::kUnsized:
      return absl::UnimplementedError(absl::StrCat(name, "is not supported"));
  }
  return absl::OkStatus();
}

// Reads the extents, innermost first, and what they make together.
absl::StatusOr<int64_t> ReadShape(Cursor* cursor, std::vector<int64_t>* shape) {
  ASSIGN_OR_RETURN(const uint32_t axes, cursor->Number<uint32_t>("a number of axes"));
  if (axes < 1 || axes > kMostAxes) {
    return Invalid(absl::StrCat("has ", axes, " axes, must have 1 to ", kMostAxes));
  }
  int64_t elements = 1;
  for (uint32_t i = 0; i < axes; ++i) {
    ASSIGN_OR_RETURN(const int64_t extent, cursor->Number<int64_t>("an extent"));
    if (extent < 1) {
      return Invalid(absl::StrCat("extent ", i, " must be positive, is ", extent));
    }
    if (extent > std::numeric_limits<int64_t>::max() / elements) {
      return Invalid("has more than 2^63 elements");
    }
    elements *= extent;
    shape->push_back(extent);
  }
  return elements;
}

absl::StatusOr<Listed> ReadTensor(Cursor* cursor) {
  Listed listed;
  Tensor& tensor = listed.tensor;
  ASSIGN_OR_RETURN(const int64_t elements, ReadShape(cursor, &tensor.shape));
  ASSIGN_OR_RETURN(const uint32_t id, cursor->Number<uint32_t>("a tensor's type"));
  tensor.type = FindGgmlType(id);
  RETURN_IF_ERROR(CheckType(id, tensor.type));
  const GgmlType& type = *tensor.type;
  const int64_t row = tensor.shape.front();
  if (row % type.elements != 0) {
    return Invalid(absl::StrCat("rows of ", row, " elements are no whole number of blocks of ",
                                type.elements, ", as ", type.name, " has them"));
  }
  if (elements / type.elements > std::numeric_limits<int64_t>::max() / type.bytes) {
    return Invalid("has more than 2^63 bytes");
  }
  std::reverse(tensor.shape.begin(), tensor.shape.end());
  ASSIGN_OR_RETURN(listed.offset, cursor->Number<uint64_t>("an offset"));
  listed.bytes = static_cast<uint64_t>(BytesOf(type, elements));
  return listed;
}

absl::Status ReadTensors(Cursor* cursor, uint64_t count, std::vector<Listed>* listed) {
  absl::flat_hash_set<absl::string_view> names;
  for (uint64_t i = 0; i < count; ++i) {
    absl::StatusOr<absl::string_view> name = cursor->String("a tensor's name");
    if (!name.ok()) {
      return Invalid(absl::StrCat("tensor ", i, " of ", count, ": ", name.status().message()));
    }
    const std::string where = absl::StrCat("tensor ", Quoted(*name), ": ");
    if (name->empty() || name->size() > kMostNameBytes) {
      return Invalid(absl::StrCat(where, "a name has 1 to ", kMostNameBytes, " bytes, this one ",
                                  name->size()));
    }
    if (!names.insert(*name).second) return Invalid(absl::StrCat(where, "is there twice"));
    absl::StatusOr<Listed> tensor = ReadTensor(cursor);
    if (!tensor.ok()) {
      return absl::Status(tensor.status().code(), absl::StrCat(where, tensor.status().message()));
    }
    tensor->tensor.name = *name;
    listed->push_back(*std::move(tensor));
  }
  return absl::OkStatus();
}

// Gives each tensor its bytes. Gaps are allowed, overlaps are not.
absl::Status PlaceTensors(absl::Span<const std::byte> data, uint64_t alignment,
                          std::vector<Listed> listed, std::vector<Tensor>* tensors) {
  std::sort(listed.begin(), listed.end(), [](const Listed& a, const Listed& b) {
    return std::tie(a.offset, a.tensor.name) < std::tie(b.offset, b.tensor.name);
  });
  uint64_t end = 0;
  for (Listed& tensor : listed) {
    const uint64_t bytes = tensor.bytes;
    const std::string where =
        absl::StrCat("tensor ", Quoted(tensor.tensor.name), ": offset ", tensor.offset, " ");
    if (tensor.offset % alignment != 0) {
      return Invalid(absl::StrCat(where, "is no multiple of the alignment, ", alignment));
    }
    if (tensor.offset > data.size() || bytes > data.size() - tensor.offset) {
      return Invalid(absl::StrCat(where, "and ", bytes, " bytes reach past the end of the data (",
                                  data.size(), " bytes); is the file cut off?"));
    }
    if (tensor.offset < end) {
      return Invalid(absl::StrCat(where, "lies inside tensor ", Quoted(tensors->back().name)));
    }
    end = tensor.offset + bytes;
    tensor.tensor.bytes = data.subspan(static_cast<size_t>(tensor.offset), bytes);
    tensors->push_back(std::move(tensor.tensor));
  }
  return absl::OkStatus();
}

absl::Status CheckVersion(uint32_t version) {
  if (version == 2 || version == 3) return absl::OkStatus();
  // The number with its bytes in the other order.
  if (version != 0 && (version & 0xFFFF) == 0) {
    return absl::UnimplementedError("is big-endian, which is not supported");
  }
  return absl::UnimplementedError(absl::StrCat("has version ", version, ", supported are 2 and 3"));
}

absl::Status CheckCount(absl::string_view what, uint64_t count, uint64_t least_bytes, uint64_t most,
                        size_t left) {
  if (count > left / least_bytes) {
    return Invalid(absl::StrCat("has ", count, " ", what, ", which do not fit the ", left,
                                " bytes that are left"));
  }
  if (count <= most) return absl::OkStatus();
  return Invalid(absl::StrCat("has ", count, " ", what, ", at most ", most));
}

absl::StatusOr<Container> Parse(absl::Span<const std::byte> contents) {
  Container container;
  Cursor cursor(contents);
  absl::string_view magic;
  if (const auto taken = cursor.Take(kMagic.size(), "the first bytes"); taken.ok()) {
    magic = {reinterpret_cast<const char*>(taken->data()), taken->size()};
  }
  if (magic == kReversedMagic) {
    return absl::UnimplementedError("is big-endian, which is not supported");
  }
  if (magic != kMagic) return Invalid("is no GGUF file: it does not begin with GGUF");
  ASSIGN_OR_RETURN(container.version, cursor.Number<uint32_t>("the version"));
  RETURN_IF_ERROR(CheckVersion(container.version));
  ASSIGN_OR_RETURN(const uint64_t tensors, cursor.Number<uint64_t>("the number of tensors"));
  ASSIGN_OR_RETURN(const uint64_t entries, cursor.Number<uint64_t>("the number of keys"));
  RETURN_IF_ERROR(CheckCount("keys", entries, kLeastEntryBytes, kMostEntries, cursor.left()));
  RETURN_IF_ERROR(CheckCount("tensors", tensors, kLeastTensorBytes, kMostTensors, cursor.left()));
  RETURN_IF_ERROR(ReadEntries(&cursor, entries, &container));
  ASSIGN_OR_RETURN(container.alignment, AlignmentOf(container));
  std::vector<Listed> listed;
  RETURN_IF_ERROR(ReadTensors(&cursor, tensors, &listed));
  const uint64_t header = contents.size() - cursor.left();
  // The alignment is bounded, and no file comes near 2^64 bytes.
  container.data_start =
      (header + container.alignment - 1) / container.alignment * container.alignment;
  absl::Span<const std::byte> data;
  if (container.data_start <= contents.size()) data = contents.subspan(container.data_start);
  RETURN_IF_ERROR(PlaceTensors(data, container.alignment, std::move(listed), &container.tensors));
  return container;
}

}  // namespace

absl::string_view ValueTypeName(ValueType type) { return kValues[static_cast<size_t>(type)].name; }
size_t ValueBytes(ValueType type) { return kValues[static_cast<size_t>(type)].bytes; }

bool LooksLikeGguf(absl::string_view contents) { return absl::StartsWith(contents, kMagic); }

absl::StatusOr<Container> ParseGguf(absl::string_view label, absl::Span<const std::byte> contents) {
  absl::StatusOr<Container> container = Parse(contents);
  if (container.ok()) return container;
  return absl::Status(container.status().code(),
                      absl::StrCat(label, ": ", container.status().message()));
}

}  // namespace lluda::frontends::gguf
