// To which block dtypes single tensors are quantised while they are loaded.
//
//   WeightTypes types;
//   types["model.layers.3.mlp.down_proj.weight"] = ir::DType::kQ6K;
//   types["model.embed_tokens.weight"] = std::nullopt;   // stays as the checkpoint has it
#ifndef LLUDA_FRONTENDS_WEIGHT_TYPES_H_
#define LLUDA_FRONTENDS_WEIGHT_TYPES_H_

#include <map>
#include <optional>
#include <string>

#include "ir/type/dtype.h"

namespace lluda::frontends {

// By the name that the importer looks for.
using WeightTypes = std::map<std::string, std::optional<ir::DType>>;

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_WEIGHT_TYPES_H_
