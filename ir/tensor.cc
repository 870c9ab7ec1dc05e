#include "ir/tensor.h"

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace lluda::ir {
namespace {

int64_t ConstantOnly(absl::string_view symbol) {
  LOG(FATAL) << "a tensor's extents are numbers, one is " << symbol;
}

template <typename Element>
Element ReadElement(const std::byte* at) {
  Element element;
  std::memcpy(&element, at, sizeof(element));
  return element;
}

struct ReadRow {
  DType dtype;
  float (*to_float)(const std::byte*);
  int64_t (*to_int)(const std::byte*);
};
// Indexed by the dtype.
constexpr ReadRow kReaders[] = {
    {DType::kF32, [](const std::byte* at) { return ReadElement<float>(at); }, nullptr},
    {DType::kBF16, [](const std::byte* at) { return BF16ToFloat(ReadElement<uint16_t>(at)); },
     nullptr},
    {DType::kF16, [](const std::byte* at) { return F16ToFloat(ReadElement<uint16_t>(at)); },
     nullptr},
    {DType::kI32, nullptr, [](const std::byte* at) -> int64_t { return ReadElement<int32_t>(at); }},
    {DType::kI64, nullptr, [](const std::byte* at) { return ReadElement<int64_t>(at); }},
    {DType::kI8, nullptr, [](const std::byte* at) -> int64_t { return ReadElement<int8_t>(at); }},
};

}  // namespace

Tensor::Tensor(Type type) : type_(std::move(type)) {
  type_.layout = {};
  size_ = ElementCount(type_, ConstantOnly);
  if (is_float()) {
    floats_.resize(size_);
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
  const int64_t width = DTypeSize(dtype);
  if (static_cast<int64_t>(bytes.size()) != tensor.size() * width) {
    return absl::InvalidArgumentError(absl::StrCat(
        ToString(tensor.type()), " needs ", tensor.size() * width, " bytes, got ", bytes.size()));
  }
  const ReadRow& reader = kReaders[static_cast<int>(dtype)];
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (tensor.is_float()) {
      tensor.floats_[i] = reader.to_float(bytes.data() + i * width);
    } else {
      tensor.ints_[i] = reader.to_int(bytes.data() + i * width);
    }
  }
  return tensor;
}

const std::vector<float>& Tensor::floats() const {
  CHECK(is_float()) << ToString(type_);
  return floats_;
}

const std::vector<int64_t>& Tensor::ints() const {
  CHECK(!is_float()) << ToString(type_);
  return ints_;
}

std::vector<float>& Tensor::mutable_floats() {
  CHECK(is_float()) << ToString(type_);
  return floats_;
}

std::vector<int64_t>& Tensor::mutable_ints() {
  CHECK(!is_float()) << ToString(type_);
  return ints_;
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
  WithElements(&result, *this, [&](auto& to, const auto& from) {
    auto next = to.begin();
    ForEachIndex<1>(Lengths(type.axes), {StridesAlong(type.axes, type_)},
                    [&](const auto& offsets) { *next++ = from[offsets[0]]; });
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
