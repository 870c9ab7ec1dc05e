#include "ir/interpreter/tensor.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::ir {
namespace {

int64_t ConstantOnly(absl::string_view symbol) {
  LOG(FATAL) << "a tensor's extents are numbers, one is " << symbol;
}

template <typename Bits>
Bits Read(const void* from) {
  Bits bits;
  std::memcpy(&bits, from, sizeof(bits));
  return bits;
}

template <typename Bits>
void Write(Bits bits, void* to) {
  std::memcpy(to, &bits, sizeof(bits));
}

template <float (*Widen)(uint16_t)>
float ReadHalf(const void* from) {
  return Widen(Read<uint16_t>(from));
}

template <uint16_t (*Round)(float)>
void WriteHalf(float value, void* to) {
  Write(Round(value), to);
}

template <typename Integer>
int64_t ReadInteger(const void* from) {
  return Read<Integer>(from);
}

template <typename Integer>
void WriteInteger(int64_t value, void* to) {
  Write(static_cast<Integer>(value), to);
}

// How an element lies in memory: of floats the first two, of integers the others.
struct ElementRow {
  DType dtype;
  float (*read_float)(const void* from);
  void (*write_float)(float value, void* to);
  int64_t (*read_int)(const void* from);
  void (*write_int)(int64_t value, void* to);
};
// Indexed by the dtype.
constexpr ElementRow kElements[] = {
    {DType::kF32, Read<float>, Write<float>, nullptr, nullptr},
    {DType::kBF16, ReadHalf<BF16ToFloat>, WriteHalf<FloatToBF16>, nullptr, nullptr},
    {DType::kF16, ReadHalf<F16ToFloat>, WriteHalf<FloatToF16>, nullptr, nullptr},
    {DType::kI32, nullptr, nullptr, ReadInteger<int32_t>, WriteInteger<int32_t>},
    {DType::kI64, nullptr, nullptr, ReadInteger<int64_t>, WriteInteger<int64_t>},
    {DType::kI8, nullptr, nullptr, ReadInteger<int8_t>, WriteInteger<int8_t>},
};
static_assert(std::size(kElements) == static_cast<size_t>(DType::kQ8_0));  // the plain ones

}  // namespace

Tensor::Tensor(Type type) : type_(std::move(type)) {
  type_.layout = {};
  size_ = ElementCount(type_, ConstantOnly);
  if (is_float()) {
    floats_.resize(size_);
  } else if (is_blocks()) {
    blocks_.resize(BytesOf(type_.dtype, size_));
  } else {
    ints_.resize(size_);
  }
}

Tensor Tensor::OfFloats(Type type, std::vector<float> values) {
  Tensor tensor(std::move(type));
  CHECK_EQ(tensor.size(), static_cast<int64_t>(values.size())) << ToString(tensor.type());
  for (size_t i = 0; i < values.size(); ++i) tensor.Store(i, values[i]);
  return tensor;
}

Tensor Tensor::OfInts(Type type, std::vector<int64_t> values) {
  Tensor tensor(std::move(type));
  CHECK_EQ(tensor.size(), static_cast<int64_t>(values.size())) << ToString(tensor.type());
  tensor.mutable_ints() = std::move(values);
  return tensor;
}

absl::StatusOr<Tensor> Tensor::FromBytes(Type type, absl::Span<const std::byte> bytes) {
  Tensor tensor(std::move(type));
  const DType dtype = tensor.type().dtype;
  const int64_t needed = BytesOf(dtype, tensor.size());
  if (static_cast<int64_t>(bytes.size()) != needed) {
    return absl::InvalidArgumentError(
        absl::StrCat(ToString(tensor.type()), " needs ", needed, " bytes, got ", bytes.size()));
  }
  if (tensor.is_blocks()) {
    tensor.blocks_.assign(bytes.begin(), bytes.end());
    return tensor;
  }
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.ReadElement(i, bytes.data() + BytesOf(dtype, i));
  }
  return tensor;
}

void Tensor::ReadElement(int64_t i, const void* from) {
  CHECK(!is_blocks()) << ToString(type_);
  const ElementRow& row = kElements[static_cast<size_t>(type_.dtype)];
  if (is_float()) {
    floats_[i] = row.read_float(from);
  } else {
    ints_[i] = row.read_int(from);
  }
}

void Tensor::WriteElement(int64_t i, void* to) const {
  CHECK(!is_blocks()) << ToString(type_);
  const ElementRow& row = kElements[static_cast<size_t>(type_.dtype)];
  if (is_float()) {
    row.write_float(floats_[i], to);
  } else {
    row.write_int(ints_[i], to);
  }
}

const std::vector<float>& Tensor::floats() const {
  CHECK(is_float()) << ToString(type_);
  return floats_;
}

const std::vector<int64_t>& Tensor::ints() const {
  CHECK(!is_float() && !is_blocks()) << ToString(type_);
  return ints_;
}

std::vector<float>& Tensor::mutable_floats() {
  CHECK(is_float()) << ToString(type_);
  return floats_;
}

std::vector<int64_t>& Tensor::mutable_ints() {
  CHECK(!is_float() && !is_blocks()) << ToString(type_);
  return ints_;
}

const std::vector<std::byte>& Tensor::blocks() const {
  CHECK(is_blocks()) << ToString(type_);
  return blocks_;
}

std::vector<std::byte>& Tensor::mutable_blocks() {
  CHECK(is_blocks()) << ToString(type_);
  return blocks_;
}

Tensor Tensor::Decoded() const {
  Tensor values(type_.With(DType::kF32));
  DecodeBlocks(type_.dtype, blocks(), absl::MakeSpan(values.mutable_floats()));
  return values;
}

Tensor Tensor::Reshaped(Type type) const {
  CHECK(type.dtype == type_.dtype && ElementCount(type, ConstantOnly) == size_)
      << ToString(type_) << " as " << ToString(type);
  Tensor result = *this;
  result.type_ = std::move(type);
  result.type_.layout = {};
  return result;
}

Tensor Tensor::Permuted(const std::vector<std::string>& axes) const {
  Type type{type_.dtype, {}, {}};
  for (const std::string& name : axes) {
    const Axis* axis = type_.GetAxis(name);
    CHECK(axis != nullptr) << "no axis " << name << ": " << ToString(type_);
    type.axes.push_back(*axis);
  }
  Tensor result(type);
  CHECK_EQ(result.size(), size_) << ToString(type_) << " as " << ToString(type);
  std::vector<Axis> moved = type.axes;
  if (is_blocks()) {
    // Whole rows of them: the axis that they lie along stays the last.
    CHECK(moved.back() == type_.axes.back()) << ToString(type_) << " as " << ToString(type);
    moved.pop_back();
  }
  const auto places = [&](int64_t elements) {
    return is_blocks() ? BytesOf(type_.dtype, elements) : elements;
  };
  const int64_t run = is_blocks() ? places(type_.axes.back().extent.value) : 1;
  WithElements(&result, *this, [&](auto& to, const auto& from) {
    auto next = to.begin();
    ForEachIndex<1>(Lengths(moved), {StridesAlong(moved, type_)}, [&](const auto& offsets) {
      next = std::copy_n(from.begin() + places(offsets[0]), run, next);
    });
  });
  return result;
}

std::vector<int64_t> Lengths(const std::vector<Axis>& axes) {
  std::vector<int64_t> lengths;
  for (const Axis& axis : axes) lengths.push_back(Evaluate(axis.extent, ConstantOnly));
  return lengths;
}

std::vector<int64_t> StridesAlong(const std::vector<Axis>& axes, const Type& type) {
  std::vector<int64_t> strides(axes.size(), 0);
  int64_t stride = 1;
  for (size_t i = type.axes.size(); i-- > 0;) {
    for (size_t j = 0; j < axes.size(); ++j) {
      if (axes[j].name == type.axes[i].name) strides[j] = stride;
    }
    stride *= Evaluate(type.axes[i].extent, ConstantOnly);
  }
  return strides;
}

}  // namespace lluda::ir
