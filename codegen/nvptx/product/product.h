// What all ways to multiply rows with a matrix share: the operands by their meaning, and how a sum
// becomes a result.
//
//   Product product(spec, e);
//   product.StoreAt(at, product.Finished(at, column, 0, {sum}));
#ifndef LLUDA_CODEGEN_NVPTX_PRODUCT_PRODUCT_H_
#define LLUDA_CODEGEN_NVPTX_PRODUCT_PRODUCT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "codegen/kernel_spec.h"
#include "codegen/nvptx/words/words.h"

namespace lluda::codegen::gpu {

class Product {
 public:
  Product(const KernelSpec& spec, GpuEmitter& e);
  virtual ~Product() = default;

  absl::Status Check() const;

 protected:
  bool is_expert() const { return spec_.opcode == ir::Opcode::kExpertMatmul; }
  bool IsBlocks() const;  // the matrix
  bool is_integer() const { return spec_.result.dtype == ir::DType::kI32; }
  bool has_halves() const { return spec_.attrs.epilogue.grain() == ir::Grain::kHalves; }
  bool IsContracted(absl::string_view name) const;
  std::vector<ir::Axis> FreeAxes(const TensorSpec& tensor) const;

  // The sum of products at these indices, in all lanes of the warp.
  Value* Sum(const Indices& indices);

  Value* SumOfBlocks(const Indices& indices);

  // What the steps on columns make of a sum, or of the two of a column and its partner `half`
  // columns on.
  Value* Finished(const Indices& indices, Value* column, int64_t half, std::vector<Value*> sums);

  void StoreAt(const Indices& indices, Value* value);

  const KernelSpec& spec_;
  GpuEmitter& e_;
  const TensorSpec& a_;
  const TensorSpec& b_;
  std::vector<ir::Axis> contracted_;
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_PRODUCT_PRODUCT_H_
