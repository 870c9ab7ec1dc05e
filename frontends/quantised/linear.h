// A matrix of a quantised folder: the tensors that hold its numbers, checked against one another,
// and these numbers.
//
//   absl::StatusOr<Linear> linear = FindLinear(folder, scheme, checkpoint, "model.layers.0.mlp.up_proj");
//   std::vector<int16_t> numbers(16 * linear->columns);
//   linear->ReadNumbers(/*row=*/32, /*rows=*/16, numbers.data());
//   // The weight of row r and column c is linear->Scale(r, linear->groups[c]) times its number.
#ifndef LLUDA_FRONTENDS_QUANTISED_LINEAR_H_
#define LLUDA_FRONTENDS_QUANTISED_LINEAR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/checkpoint/tensor_file.h"
#include "frontends/quantised/scheme.h"

namespace lluda::frontends::quantised {

struct Linear {
  std::string module;
  Layout layout = Layout::kGptq;
  int bits = 8;
  int64_t rows = 0, columns = 0;  // outputs and inputs
  TensorView weight, scale;
  std::optional<TensorView> zero;  // none: all 0 of signed numbers
  int zero_added = 0;              // to what a zero point is stored as
  std::vector<TensorView> parts;   // all tensors of the matrix
  std::vector<int32_t> groups;     // of each column
  int64_t group_count = 0;
  // scale.data holds that of row r and group g at (r / scale_rows) * row_stride + g * group_stride.
  int64_t scale_rows = 1, row_stride = 0, group_stride = 0;

  // Are the numbers 8-bit floats, as bytes, rather than integers?
  bool is_float() const { return layout == Layout::kFp8 || layout == Layout::kFloatQuantized; }
  float Scale(int64_t row, int64_t group) const;
  // Of a row and group, in the numbers' own terms.
  int Zero(int64_t row, int64_t group) const;
  // The numbers of rows [row, row + rows), columns of them each: integers less their zero points,
  // or the bytes of floats.
  void ReadNumbers(int64_t row, int64_t rows, int16_t* to) const;

  // What integers less their zero points may be, and whether all scales are f16s, too.
  int least = 0, most = 0;
  bool has_half_scales = true;
};

// The modules of the checkpoint that are stored so, in alphabetical order.
std::vector<std::string> QuantisedModules(const Scheme& scheme, const Checkpoint& checkpoint);

// The matrix of a module, all scales and zero points looked at. NotFound for a missing tensor;
// InvalidArgument for one of another dtype or shape, scales that are not finite, zero points and
// groups out of range; each one line that begins with `label` and names the tensor.
absl::StatusOr<Linear> FindLinear(const std::string& label, const Scheme& scheme,
                                  const Checkpoint& checkpoint, const std::string& module);

}  // namespace lluda::frontends::quantised

#endif  // LLUDA_FRONTENDS_QUANTISED_LINEAR_H_
