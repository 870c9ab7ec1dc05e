#include "frontends/quantised/linear.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "ir/type/dtype.h"

namespace lluda::frontends::quantised {
namespace {

constexpr char kE4M3[] = "F8_E4M3";
constexpr int64_t kWordBits = 32;
constexpr int64_t kMostExtent = int64_t{1} << 31;

// How a layout calls the tensors of a module; "" where it has none.
struct Names {
  Layout layout;
  const char* weight;
  const char* weight_dtype;
  const char* scale;
  const char* zero;
  const char* groups;
  const char* shape;
};
constexpr Names kNames[] = {
    {Layout::kGptq, "qweight", "I32", "scales", "qzeros", "g_idx", ""},
    {Layout::kAwq, "qweight", "I32", "scales", "qzeros", "", ""},
    {Layout::kPackQuantized, "weight_packed", "I32", "weight_scale", "weight_zero_point",
     "weight_g_idx", "weight_shape"},
    {Layout::kIntQuantized, "weight", "I8", "weight_scale", "weight_zero_point", "weight_g_idx",
     ""},
    {Layout::kFloatQuantized, "weight", kE4M3, "weight_scale", "", "", ""},
    {Layout::kFp8, "weight", kE4M3, "weight_scale_inv", "", "", ""},
};

const Names& NamesOf(Layout layout) {
  return *std::find_if(std::begin(kNames), std::end(kNames),
                       [&](const Names& row) { return row.layout == layout; });
}

// Of the 8 outputs in a word of awq, where each one's 4 bits are.
constexpr int kAwqNibbles[] = {0, 4, 1, 5, 2, 6, 3, 7};

template <typename T>
T At(const TensorView& tensor, int64_t index) {
  T value;
  std::memcpy(&value, tensor.data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

float FloatAt(const TensorView& tensor, int64_t index) {
  if (tensor.dtype == ir::DType::kF16) return ir::F16ToFloat(At<uint16_t>(tensor, index));
  if (tensor.dtype == ir::DType::kBF16) return ir::BF16ToFloat(At<uint16_t>(tensor, index));
  return At<float>(tensor, index);
}

// Number i of so many bits each, of which no word has a part only.
int Packed(const TensorView& words, int64_t word, int64_t place, int bits) {
  const auto value = At<uint32_t>(words, word);
  return static_cast<int>(value >> (place * bits) & ((1u << bits) - 1));
}

int64_t DividedUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Finds and checks a matrix's tensors.
class Finder {
 public:
  Finder(const std::string& label, const Scheme& scheme, const Checkpoint& checkpoint,
         const std::string& module)
      : label_(label), scheme_(scheme), checkpoint_(checkpoint), names_(NamesOf(scheme.layout)) {
    linear_.module = module;
    linear_.layout = scheme.layout;
    linear_.bits = scheme.bits;
  }

  absl::StatusOr<Linear> Run() {
    if (IsKept(scheme_, linear_.module)) {
      return absl::InvalidArgumentError(absl::StrCat(
          Where(names_.weight), "is quantised, config.json says that its module is not"));
    }
    ASSIGN_OR_RETURN(linear_.weight, Part(names_.weight));
    RETURN_IF_ERROR(FindShape());
    RETURN_IF_ERROR(FindGroups());
    RETURN_IF_ERROR(FindScale());
    RETURN_IF_ERROR(FindZero());
    return std::move(linear_);
  }

 private:
  std::string NameOf(absl::string_view part) const {
    return absl::StrCat(linear_.module, ".", part);
  }
  std::string Where(absl::string_view part) const {
    return absl::StrCat(label_, ": tensor '", base::QuoteName(NameOf(part)), "' ");
  }
  absl::Status Error(absl::string_view part, absl::string_view reason) const {
    return absl::InvalidArgumentError(absl::StrCat(Where(part), reason));
  }
  bool Has(absl::string_view part) const {
    return !part.empty() && checkpoint_.Find(NameOf(part)) != nullptr;
  }

  absl::StatusOr<TensorView> Part(absl::string_view part) {
    const TensorView* found = checkpoint_.Find(NameOf(part));
    if (found == nullptr) {
      return absl::NotFoundError(
          absl::StrCat(Where(part), "is missing, '", NameOf(names_.weight), "' needs it"));
    }
    linear_.parts.push_back(*found);
    return *found;
  }

  absl::Status Check(absl::string_view part, const TensorView& tensor,
                     absl::Span<const absl::string_view> dtypes,
                     const std::vector<int64_t>& shape) const {
    if (std::find(dtypes.begin(), dtypes.end(), tensor.dtype_name) == dtypes.end()) {
      return Error(part, absl::StrCat("is ", tensor.dtype_name, ", ", scheme_.name, " has ",
                                      absl::StrJoin(dtypes, ", ")));
    }
    if (tensor.shape == shape) return absl::OkStatus();
    return Error(part, absl::StrCat("has shape [", absl::StrJoin(tensor.shape, ", "), "], ",
                                    scheme_.name, " asks for [", absl::StrJoin(shape, ", "), "]"));
  }

  // A matrix's own tensor says how large it is; what is packed may be filled up.
  absl::Status FindShape() {
    const TensorView& weight = linear_.weight;
    if (weight.shape.size() != 2) {
      return Error(names_.weight, absl::StrCat("has ", weight.shape.size(), " axes, a matrix 2"));
    }
    const int64_t factor = kWordBits / scheme_.bits;
    int64_t rows = weight.shape[0], columns = weight.shape[1];
    if (scheme_.layout == Layout::kGptq) {
      std::swap(rows, columns);
      columns *= factor;
    } else if (scheme_.layout == Layout::kAwq) {
      std::swap(rows, columns);
      rows *= factor;
    } else if (scheme_.layout == Layout::kPackQuantized) {
      ASSIGN_OR_RETURN(const TensorView shape, Part(names_.shape));
      RETURN_IF_ERROR(Check(names_.shape, shape, {"I64"}, {2}));
      columns = At<int64_t>(shape, 1);
      if (At<int64_t>(shape, 0) != rows || columns < 1 || columns >= kMostExtent ||
          DividedUp(columns, factor) != weight.shape[1]) {
        return Error(names_.shape, absl::StrCat("says ", At<int64_t>(shape, 0), " x ", columns,
                                                ", '", names_.weight, "' is ", rows, " x ",
                                                weight.shape[1], " words of ", factor));
      }
    }
    if (rows < 1 || columns < 1 || rows >= kMostExtent || columns >= kMostExtent) {
      return Error(names_.weight, absl::StrCat("is of ", rows, " x ", columns, " numbers"));
    }
    linear_.rows = rows;
    linear_.columns = columns;
    return Check(names_.weight, weight, {names_.weight_dtype}, weight.shape);
  }

  // Which of the groups each column is in.
  absl::Status FindGroups() {
    const int64_t columns = linear_.columns;
    const int64_t group = scheme_.group == 0 ? columns : scheme_.group;
    linear_.group_count = DividedUp(columns, group);
    linear_.groups.resize(static_cast<size_t>(columns));
    if (!Has(names_.groups)) {
      if (scheme_.has_order) return Part(names_.groups).status();
      for (int64_t i = 0; i < columns; ++i) {
        linear_.groups[i] = static_cast<int32_t>(i / group);
      }
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const TensorView order, Part(names_.groups));
    RETURN_IF_ERROR(Check(names_.groups, order, {"I32"}, {columns}));
    for (int64_t i = 0; i < columns; ++i) {
      const auto number = At<int32_t>(order, i);
      if (number < 0 || number >= linear_.group_count) {
        return Error(names_.groups, absl::StrCat("puts input ", i, " into group ", number,
                                                 ", there are ", linear_.group_count));
      }
      linear_.groups[i] = number;
    }
    return absl::OkStatus();
  }

  absl::Status FindScale() {
    ASSIGN_OR_RETURN(linear_.scale, Part(names_.scale));
    const int64_t groups = linear_.group_count;
    const int64_t shared = scheme_.group_rows == 0 ? linear_.rows : scheme_.group_rows;
    const int64_t rows = DividedUp(linear_.rows, shared);
    linear_.scale_rows = shared;
    const bool by_group = scheme_.layout == Layout::kGptq || scheme_.layout == Layout::kAwq;
    linear_.row_stride = by_group ? 1 : groups;
    linear_.group_stride = by_group ? linear_.rows : 1;
    std::vector<int64_t> shape = {rows, groups};
    if (by_group) shape = {groups, rows};
    // A single scale may have any number of axes of 1, or none.
    const std::vector<int64_t>& found = linear_.scale.shape;
    const bool is_single = scheme_.group_rows == 0 && std::all_of(found.begin(), found.end(),
                                                                  [](int64_t n) { return n == 1; });
    RETURN_IF_ERROR(
        Check(names_.scale, linear_.scale, {"F16", "BF16", "F32"}, is_single ? found : shape));
    for (int64_t i = 0; i < rows * groups; ++i) {
      const float scale = FloatAt(linear_.scale, i);
      if (!std::isfinite(scale)) {
        return Error(names_.scale, absl::StrCat("has a scale that is not finite, number ", i));
      }
      linear_.has_half_scales &= ir::F16ToFloat(ir::FloatToF16(scale)) == scale;
    }
    return absl::OkStatus();
  }

  absl::Status FindZero() {
    if (linear_.is_float()) return absl::OkStatus();
    const int middle = 1 << (scheme_.bits - 1);
    const bool is_unsigned = scheme_.layout == Layout::kGptq || scheme_.layout == Layout::kAwq;
    const int least = is_unsigned ? 0 : -middle, most = least + 2 * middle - 1;
    linear_.least = least;
    linear_.most = most;
    const bool is_required = is_unsigned || !scheme_.symmetric;
    if (!is_required && !Has(names_.zero)) return absl::OkStatus();
    ASSIGN_OR_RETURN(linear_.zero, Part(names_.zero));
    RETURN_IF_ERROR(CheckZeroShape());
    linear_.zero_added = scheme_.zero_less_one ? 1 : is_unsigned || IsBytes() ? 0 : -middle;
    int smallest = most, largest = least;
    for (int64_t row = 0; row < linear_.rows; ++row) {
      for (int64_t group = 0; group < linear_.group_count; ++group) {
        const int zero = linear_.Zero(row, group);
        smallest = std::min(smallest, zero);
        largest = std::max(largest, zero);
      }
    }
    if (largest > most || smallest < least) {
      return Error(names_.zero,
                   absl::StrCat("has a zero point of ", largest > most ? largest : smallest, ", ",
                                scheme_.bits, " bits have ", least, " to ", most));
    }
    const int only = is_unsigned ? middle : 0;
    if (scheme_.symmetric && (smallest != only || largest != only)) {
      return Error(names_.zero,
                   absl::StrCat("has a zero point of ", smallest != only ? smallest : largest,
                                ", config.json says that all are in the middle, ", only));
    }
    linear_.least = least - largest;
    linear_.most = most - smallest;
    return absl::OkStatus();
  }

  bool IsBytes() const { return scheme_.layout == Layout::kIntQuantized; }

  absl::Status CheckZeroShape() const {
    const int64_t factor = kWordBits / scheme_.bits;
    const int64_t rows = linear_.rows, groups = linear_.group_count;
    if (IsBytes()) {
      return Check(names_.zero, *linear_.zero, {"I8"},
                   {DividedUp(rows, linear_.scale_rows), groups});
    }
    if (scheme_.layout == Layout::kPackQuantized) {
      return Check(names_.zero, *linear_.zero, {"I32"},
                   {DividedUp(DividedUp(rows, linear_.scale_rows), factor), groups});
    }
    return Check(names_.zero, *linear_.zero, {"I32"}, {groups, DividedUp(rows, factor)});
  }

  const std::string& label_;
  const Scheme& scheme_;
  const Checkpoint& checkpoint_;
  const Names& names_;
  Linear linear_;
};

// The integers of a tile as they are stored, by layout.
void ReadGptq(const Linear& linear, int64_t row, int64_t rows, int16_t* to) {
  const int64_t factor = kWordBits / linear.bits;
  for (int64_t word = 0; word < linear.columns / factor; ++word) {
    for (int64_t r = 0; r < rows; ++r) {
      int16_t* numbers = to + r * linear.columns + word * factor;
      const int64_t at = word * linear.rows + row + r;
      for (int64_t i = 0; i < factor; ++i) {
        numbers[i] = static_cast<int16_t>(Packed(linear.weight, at, i, linear.bits));
      }
    }
  }
}

void ReadAwq(const Linear& linear, int64_t row, int64_t rows, int16_t* to) {
  const int64_t words = linear.rows / 8;
  for (int64_t column = 0; column < linear.columns; ++column) {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t output = row + r;
      to[r * linear.columns + column] = static_cast<int16_t>(
          Packed(linear.weight, column * words + output / 8, kAwqNibbles[output % 8], linear.bits));
    }
  }
}

void ReadPacked(const Linear& linear, int64_t row, int64_t rows, int16_t* to) {
  const int64_t factor = kWordBits / linear.bits;
  const int64_t words = DividedUp(linear.columns, factor);
  const int middle = 1 << (linear.bits - 1);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t column = 0; column < linear.columns; ++column) {
      const int64_t word = (row + r) * words + column / factor;
      *to++ =
          static_cast<int16_t>(Packed(linear.weight, word, column % factor, linear.bits) - middle);
    }
  }
}

template <typename Byte>
void ReadBytes(const Linear& linear, int64_t row, int64_t rows, int16_t* to) {
  for (int64_t i = row * linear.columns; i < (row + rows) * linear.columns; ++i) {
    *to++ = At<Byte>(linear.weight, i);
  }
}

using ReadTile = void (*)(const Linear& linear, int64_t row, int64_t rows, int16_t* to);
constexpr std::pair<Layout, ReadTile> kReaders[] = {
    {Layout::kGptq, ReadGptq},
    {Layout::kAwq, ReadAwq},
    {Layout::kPackQuantized, ReadPacked},
    {Layout::kIntQuantized, ReadBytes<int8_t>},
    {Layout::kFloatQuantized, ReadBytes<uint8_t>},
    {Layout::kFp8, ReadBytes<uint8_t>},
};

}  // namespace

float Linear::Scale(int64_t row, int64_t group) const {
  return FloatAt(scale, row / scale_rows * row_stride + group * group_stride);
}

int Linear::Zero(int64_t row, int64_t group) const {
  if (!zero) return 0;
  const int64_t factor = kWordBits / bits;
  if (layout == Layout::kIntQuantized) {
    return At<int8_t>(*zero, row / scale_rows * group_count + group);
  }
  if (layout == Layout::kPackQuantized) {
    const int64_t shared = row / scale_rows;
    return Packed(*zero, shared / factor * group_count + group, shared % factor, bits) + zero_added;
  }
  const int64_t place = layout == Layout::kAwq ? kAwqNibbles[row % 8] : row % factor;
  return Packed(*zero, group * DividedUp(rows, factor) + row / factor, place, bits) + zero_added;
}

void Linear::ReadNumbers(int64_t row, int64_t count, int16_t* to) const {
  const auto* reader = std::find_if(std::begin(kReaders), std::end(kReaders),
                                    [&](const auto& entry) { return entry.first == layout; });
  reader->second(*this, row, count, to);
  if (!zero) return;
  std::vector<int16_t> zeros(static_cast<size_t>(group_count));
  for (int64_t r = row; r < row + count; ++r) {
    for (int64_t group = 0; group < group_count; ++group) {
      zeros[group] = static_cast<int16_t>(Zero(r, group));
    }
    for (const int32_t group : groups) {
      *to = static_cast<int16_t>(*to - zeros[group]);
      ++to;
    }
  }
}

std::vector<std::string> QuantisedModules(const Scheme& scheme, const Checkpoint& checkpoint) {
  const Names& names = NamesOf(scheme.layout);
  const std::string suffix = absl::StrCat(".", names.weight);
  std::vector<std::string> modules;
  for (const std::string& name : checkpoint.Names()) {
    absl::string_view module = name;
    if (!absl::ConsumeSuffix(&module, suffix)) continue;
    // A name that says that a tensor is packed is enough; of "weight" it is the dtype.
    const bool is_named = absl::string_view(names.weight) != "weight";
    if (is_named || checkpoint.Find(name)->dtype_name == names.weight_dtype) {
      modules.emplace_back(module);
    }
  }
  return modules;
}

absl::StatusOr<Linear> FindLinear(const std::string& label, const Scheme& scheme,
                                  const Checkpoint& checkpoint, const std::string& module) {
  return Finder(label, scheme, checkpoint, module).Run();
}

}  // namespace lluda::frontends::quantised
