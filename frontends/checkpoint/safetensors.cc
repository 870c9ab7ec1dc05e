#include "frontends/checkpoint/safetensors.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "ir/type/dtype.h"

namespace lluda::frontends {
namespace {

using simdjson::dom::element;

constexpr size_t kLengthBytes = 8;
// The limit of the format's reference implementation.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxRank = 16;

struct DTypeRow {
  absl::string_view name;
  std::optional<ir::DType> dtype;
  int64_t bits;
};

// Every dtype of the format's reference implementation.
constexpr DTypeRow kDTypes[] = {
    {"F32", ir::DType::kF32, 32}, {"BF16", ir::DType::kBF16, 16}, {"F16", ir::DType::kF16, 16},
    {"I64", ir::DType::kI64, 64}, {"I32", ir::DType::kI32, 32},   {"I8", ir::DType::kI8, 8},
    {"U8", std::nullopt, 8},      {"BOOL", std::nullopt, 8},      {"C64", std::nullopt, 64},
    {"F4", std::nullopt, 4},      {"F6_E2M3", std::nullopt, 6},   {"F6_E3M2", std::nullopt, 6},
    {"F8_E4M3", std::nullopt, 8}, {"F8_E5M2", std::nullopt, 8},   {"F8_E8M0", std::nullopt, 8},
    {"F64", std::nullopt, 64},    {"I16", std::nullopt, 16},      {"U16", std::nullopt, 16},
    {"U32", std::nullopt, 32},    {"U64", std::nullopt, 64},
};

const DTypeRow* FindDType(absl::string_view name) {
  for (const DTypeRow& row : kDTypes) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::Status Error(absl::string_view label, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(label, ": ", reason));
}

// Reads one tensor's header entry; errors are without the file's and the tensor's name.
class EntryReader {
 public:
  EntryReader(absl::Span<const std::byte> data, const element& entry)
      : data_(data), entry_(entry) {}

  absl::StatusOr<TensorView> Read(absl::string_view name) {
    TensorView view;
    view.name = std::string(name);
    simdjson::dom::object fields;
    if (entry_.get(fields)) {
      return absl::InvalidArgumentError(
          absl::StrCat("entry must be an object, is ", base::DescribeJson(entry_)));
    }
    for (const auto& field : fields) {
      if (field.key != "dtype" && field.key != "shape" && field.key != "data_offsets") {
        return absl::InvalidArgumentError(
            absl::StrCat("unknown field '", base::QuoteName(base::ToAbsl(field.key)), "'"));
      }
    }
    RETURN_IF_ERROR(ReadDType(fields, &view));
    RETURN_IF_ERROR(ReadShape(fields, &view));
    RETURN_IF_ERROR(ReadOffsets(fields, &view));
    return view;
  }

 private:
  absl::Status ReadDType(const simdjson::dom::object& fields, TensorView* view) {
    element value;
    std::string_view text;
    if (fields.at_key("dtype").get(value)) return absl::InvalidArgumentError("dtype is missing");
    if (value.get(text)) {
      return absl::InvalidArgumentError(
          absl::StrCat("dtype must be a string, is ", base::DescribeJson(value)));
    }
    const absl::string_view name = base::ToAbsl(text);
    row_ = FindDType(name);
    if (row_ == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown dtype '", base::QuoteName(name), "'"));
    }
    view->dtype = row_->dtype;
    view->dtype_name = std::string(name);
    return absl::OkStatus();
  }

  absl::Status ReadShape(const simdjson::dom::object& fields, TensorView* view) {
    RETURN_IF_ERROR(
        ReadIntegers(fields, "shape", "a list of non-negative integers", kMaxRank, &view->shape));
    // Multiplied without the zeros: whoever multiplies the extents in another order is safe too.
    int64_t bits = row_->bits;
    bool empty = false;
    for (const int64_t extent : view->shape) {
      empty |= extent == 0;
      if (__builtin_mul_overflow(bits, std::max<int64_t>(extent, 1), &bits)) {
        return absl::InvalidArgumentError(
            absl::StrCat("shape ", ShapeText(view->shape), " is too large"));
      }
    }
    if (empty) bits = 0;
    if (bits % 8 != 0) {
      return absl::InvalidArgumentError(absl::StrCat(row_->name, " ", ShapeText(view->shape),
                                                     " does not fill a whole number of bytes"));
    }
    view->bytes = static_cast<size_t>(bits / 8);
    return absl::OkStatus();
  }

  absl::Status ReadOffsets(const simdjson::dom::object& fields, TensorView* view) {
    std::vector<int64_t> offsets;
    const absl::string_view expected = "a list of two non-negative integers";
    RETURN_IF_ERROR(ReadIntegers(fields, "data_offsets", expected, 2, &offsets));
    if (offsets.size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("data_offsets must be ", expected, ", has ", offsets.size()));
    }
    const std::string text = absl::StrCat("data_offsets ", ShapeText(offsets));
    const uint64_t begin = static_cast<uint64_t>(offsets[0]);
    const uint64_t end = static_cast<uint64_t>(offsets[1]);
    if (begin > end) return absl::InvalidArgumentError(absl::StrCat(text, " are reversed"));
    if (end > data_.size()) {
      return absl::InvalidArgumentError(absl::StrCat(text, " reach past the end of the data (",
                                                     data_.size(),
                                                     " bytes); is the file cut off?"));
    }
    if (end - begin != view->bytes) {
      return absl::InvalidArgumentError(absl::StrCat(text, " hold ", end - begin, " bytes, ",
                                                     view->dtype_name, " ", ShapeText(view->shape),
                                                     " needs ", view->bytes));
    }
    view->data = data_.data() + begin;
    return absl::OkStatus();
  }

  static absl::Status ReadIntegers(const simdjson::dom::object& fields, absl::string_view key,
                                   absl::string_view expected, size_t max_size,
                                   std::vector<int64_t>* numbers) {
    element value;
    if (fields.at_key(base::ToStd(key)).get(value)) {
      return absl::InvalidArgumentError(absl::StrCat(key, " is missing"));
    }
    simdjson::dom::array list;
    if (value.get(list)) {
      return absl::InvalidArgumentError(
          absl::StrCat(key, " must be ", expected, ", is ", base::DescribeJson(value)));
    }
    for (const element& item : list) {
      int64_t number = 0;
      if (numbers->size() == max_size) {
        return absl::InvalidArgumentError(absl::StrCat(key, " has more than ", max_size, " items"));
      }
      if (item.type() != simdjson::dom::element_type::INT64 || item.get(number) || number < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(key, " must be ", expected, ", has ", base::DescribeJson(item)));
      }
      numbers->push_back(number);
    }
    return absl::OkStatus();
  }

  absl::Span<const std::byte> data_;
  element entry_;
  const DTypeRow* row_ = nullptr;
};

absl::Status CheckMetadata(const element& metadata) {
  simdjson::dom::object fields;
  if (metadata.get(fields)) {
    return absl::InvalidArgumentError(
        absl::StrCat("__metadata__ must be an object, is ", base::DescribeJson(metadata)));
  }
  for (const auto& field : fields) {
    if (!field.value.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("__metadata__ field '", base::QuoteName(base::ToAbsl(field.key)),
                       "' must be a string, is ", base::DescribeJson(field.value)));
    }
  }
  return absl::OkStatus();
}

// The tensors, in the order of their data, have to cover all of it: a gap or an overlap is how a
// file hides a second meaning from a reader that looks at it otherwise.
absl::Status CheckCoverage(const std::vector<TensorView>& tensors,
                           absl::Span<const std::byte> data) {
  size_t covered = 0;
  for (const TensorView& tensor : tensors) {
    const size_t begin = static_cast<size_t>(tensor.data - data.data());
    if (begin != covered) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor '", base::QuoteName(tensor.name), "': data begin at byte ", begin,
                       begin < covered ? ", inside the tensor before, which ends at "
                                       : ", after a gap: the tensor before ends at ",
                       covered));
    }
    covered = begin + tensor.bytes;
  }
  if (covered != data.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        data.size() - covered, " bytes after the last tensor's data belong to no tensor"));
  }
  return absl::OkStatus();
}

// The header's text, or why the file cannot hold one.
absl::StatusOr<absl::string_view> ReadHeader(absl::Span<const std::byte> contents) {
  if (contents.size() < kLengthBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("is too short for a safetensors file (", contents.size(), " bytes)"));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint64_t>(contents[i]) << (8 * i);
  }
  if (length > kMaxHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat("header length ", length,
                                                   " is above the limit of ", kMaxHeaderBytes,
                                                   "; is it a safetensors file?"));
  }
  if (length > contents.size() - kLengthBytes) {
    return absl::InvalidArgumentError(absl::StrCat("header length ", length, " reaches past the ",
                                                   "end of the file (", contents.size(),
                                                   " bytes); is it cut off?"));
  }
  const absl::string_view header(reinterpret_cast<const char*>(contents.data()) + kLengthBytes,
                                 static_cast<size_t>(length));
  // The format's rule; anything before the brace would be skipped by some readers only.
  if (header.empty() || header.front() != '{') {
    return absl::InvalidArgumentError("header does not start with '{'");
  }
  return header;
}

}  // namespace

absl::StatusOr<std::vector<TensorView>> ParseSafetensors(absl::string_view label,
                                                         absl::Span<const std::byte> contents) {
  absl::StatusOr<absl::string_view> header = ReadHeader(contents);
  if (!header.ok()) return Error(label, header.status().message());
  ASSIGN_OR_RETURN(base::JsonDocument document,
                   base::JsonDocument::Parse(absl::StrCat(label, ": header"), *header));

  const absl::Span<const std::byte> data = contents.subspan(kLengthBytes + header->size());
  std::vector<TensorView> tensors;
  for (const auto& field : document.root().dom()) {
    const absl::string_view name = base::ToAbsl(field.key);
    if (name == "__metadata__") {
      if (absl::Status status = CheckMetadata(field.value); !status.ok()) {
        return Error(label, status.message());
      }
      continue;
    }
    absl::StatusOr<TensorView> tensor = EntryReader(data, field.value).Read(name);
    if (!tensor.ok()) {
      return Error(
          label, absl::StrCat("tensor '", base::QuoteName(name), "': ", tensor.status().message()));
    }
    tensors.push_back(*std::move(tensor));
  }
  // Empty tensors come before the one that starts at the same byte, so that they leave no gap.
  std::sort(tensors.begin(), tensors.end(), [](const TensorView& a, const TensorView& b) {
    return std::tie(a.data, a.bytes, a.name) < std::tie(b.data, b.bytes, b.name);
  });
  if (absl::Status status = CheckCoverage(tensors, data); !status.ok()) {
    return Error(label, status.message());
  }
  return tensors;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(base::MappedFile file, base::MappedFile::Open(path));
  ASSIGN_OR_RETURN(std::vector<TensorView> tensors, ParseSafetensors(path, file.bytes()));
  return SafetensorsFile(path, std::make_shared<base::MappedFile>(std::move(file)),
                         std::move(tensors));
}

}  // namespace lluda::frontends
