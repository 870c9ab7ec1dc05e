// A tensor value on the host, as the interpreter computes with it: readable, not fast.
//
// The type's extents are constants and its layout row-major, whatever the layout of the IR type it
// comes from: a layout never changes what a value means. Elements of all float dtypes are held as
// float, rounded to the dtype; elements of all integer dtypes as int64_t; blocks as their bytes.
//
// Example:
//   const Type type{DType::kBF16, {{"tok", Extent::Constant(2)}}, {}};
//   Tensor x = Tensor::OfFloats(type, {1.0f, 1.001f});  // floats() == {1.0f, 1.0f}
#ifndef LLUDA_IR_INTERPRETER_TENSOR_H_
#define LLUDA_IR_INTERPRETER_TENSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/type/encoding.h"
#include "ir/type/type.h"

namespace lluda::ir {

class Tensor {
 public:
  Tensor() : Tensor(Type{}) {}
  // Zeros. CHECKs that the extents are constants; drops the layout.
  explicit Tensor(Type type);
  // From elements in row-major order, as many as the type has; floats are rounded to the dtype.
  static Tensor OfFloats(Type type, std::vector<float> values);
  static Tensor OfInts(Type type, std::vector<int64_t> values);
  // From row-major elements, or blocks, of the type's dtype as a checkpoint holds them, little-endian.
  // InvalidArgument when there are not exactly as many bytes as the type needs.
  static absl::StatusOr<Tensor> FromBytes(Type type, absl::Span<const std::byte> bytes);

  const Type& type() const { return type_; }
  bool is_float() const { return IsFloat(type_.dtype); }
  bool is_blocks() const { return IsBlock(type_.dtype); }
  int64_t size() const { return size_; }
  int64_t extent(absl::string_view axis) const { return type_.GetAxis(axis)->extent.value; }

  // The elements; CHECKs that the dtype is of that kind.
  const std::vector<float>& floats() const;
  const std::vector<int64_t>& ints() const;
  std::vector<float>& mutable_floats();
  std::vector<int64_t>& mutable_ints();
  // The bytes of row-major blocks, and as f32 what they mean; CHECKs that the dtype has blocks.
  const std::vector<std::byte>& blocks() const;
  std::vector<std::byte>& mutable_blocks();
  Tensor Decoded() const;
  // Stores a value computed in double: rounded to f32, then to the dtype.
  void Store(int64_t i, double value) {
    floats_[i] = RoundTo(type_.dtype, static_cast<float>(value));
  }

  // Element i, little-endian, as a checkpoint or a kernel has it. CHECKs that the dtype is plain.
  void ReadElement(int64_t i, const void* from);
  void WriteElement(int64_t i, void* to) const;

  // The same elements as a value of another type with as many elements of the same dtype.
  Tensor Reshaped(Type type) const;
  // The elements in the order that these axes, all of the tensor's, give.
  Tensor Permuted(const std::vector<std::string>& axes) const;

 private:
  Type type_;
  int64_t size_ = 0;
  std::vector<float> floats_;
  std::vector<int64_t> ints_;
  std::vector<std::byte> blocks_;
};

// Calls visit(to, from) with the element vectors of two tensors of the same kind of dtype; those of
// blocks are vectors of bytes.
template <typename Visit>
void WithElements(Tensor* to, const Tensor& from, Visit&& visit) {
  if (from.is_float()) {
    visit(to->mutable_floats(), from.floats());
  } else if (from.is_blocks()) {
    visit(to->mutable_blocks(), from.blocks());
  } else {
    visit(to->mutable_ints(), from.ints());
  }
}

// Lengths of axes whose extents are constants.
std::vector<int64_t> Lengths(const std::vector<Axis>& axes);
// How far apart neighbours along each of `axes` lie in a row-major value of `type`; 0 for an axis
// that the type lacks, which makes it broadcast.
std::vector<int64_t> StridesAlong(const std::vector<Axis>& axes, const Type& type);

// Calls visit(offsets) for each index tuple in row-major order; offsets[k] is the tuple's scalar
// product with strides[k]. No lengths at all make one tuple.
template <size_t N, typename Visit>
void ForEachIndex(const std::vector<int64_t>& lengths,
                  const std::array<std::vector<int64_t>, N>& strides, Visit&& visit) {
  std::vector<int64_t> index(lengths.size(), 0);
  std::array<int64_t, N> offsets{};
  for (;;) {
    visit(static_cast<const std::array<int64_t, N>&>(offsets));
    size_t axis = lengths.size();
    for (; axis > 0; --axis) {
      const size_t i = axis - 1;
      if (++index[i] < lengths[i]) {
        for (size_t k = 0; k < N; ++k) offsets[k] += strides[k][i];
        break;
      }
      index[i] = 0;
      for (size_t k = 0; k < N; ++k) offsets[k] -= strides[k][i] * (lengths[i] - 1);
    }
    if (axis == 0) return;
  }
}

}  // namespace lluda::ir

#endif  // LLUDA_IR_INTERPRETER_TENSOR_H_
