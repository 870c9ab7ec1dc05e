#include "frontends/checkpoint/read_weight.h"

#include <cstddef>
#include <vector>

#include "base/status_macros.h"

namespace lluda::frontends {

absl::StatusOr<ir::Tensor> ReadWeight(const Checkpoint& checkpoint, const ir::Global& weight,
                                      int64_t index) {
  if (!ir::IsStacked(weight)) {
    ASSIGN_OR_RETURN(const TensorBytes tensor, checkpoint.Read(ir::SourceName(weight, index)));
    return ir::Tensor::FromBytes(weight.type, tensor.span);
  }
  std::vector<std::byte> bytes;
  for (const std::string& name : ir::SourceNames(weight, index)) {
    ASSIGN_OR_RETURN(const TensorBytes tensor, checkpoint.Read(name));
    bytes.insert(bytes.end(), tensor.span.begin(), tensor.span.end());
  }
  return ir::Tensor::FromBytes(weight.type, bytes);
}

}  // namespace lluda::frontends
