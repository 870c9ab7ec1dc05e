#include "frontends/decoder/weights/expected_tensors.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "frontends/decoder/weights/declare_weight.h"
#include "frontends/decoder/weights/weight_rows.h"
#include "frontends/encoder/import.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

std::vector<std::string> TensorNames(const Decoder& decoder) {
  std::vector<std::string> names;
  for (const WeightRow& row : WeightRows()) {
    if (!row.has(decoder)) continue;
    for (std::string& name : AllSourceNames(Declare(row, decoder))) {
      names.push_back(std::move(name));
    }
  }
  if (decoder.audio) {
    for (encoder::NamedShape& tensor : encoder::TensorsOf(*decoder.audio)) {
      names.push_back(std::move(tensor.name));
    }
  }
  return names;
}

TensorLookup TensorsOf(const Decoder& decoder) {
  const std::pair<absl::string_view, ir::DType> dtypes[] = {
      {"float32", ir::DType::kF32},
      {"bfloat16", ir::DType::kBF16},
      {"float16", ir::DType::kF16},
  };
  TensorInfo info;
  info.dtype_name = decoder.dtype;
  for (const auto& [name, dtype] : dtypes) {
    if (name == decoder.dtype) info.dtype = dtype;
  }
  absl::flat_hash_map<std::string, TensorInfo> tensors;
  for (const WeightRow& row : WeightRows()) {
    if (!row.has(decoder)) continue;
    const ir::Global weight = Declare(row, decoder);
    info.shape = TensorShape(weight);
    for (const std::string& name : AllSourceNames(weight)) tensors[name] = info;
  }
  if (decoder.audio) {
    for (const encoder::NamedShape& tensor : encoder::TensorsOf(*decoder.audio)) {
      info.shape = tensor.shape;
      tensors[tensor.name] = info;
    }
  }
  return [tensors = std::move(tensors)](absl::string_view name) -> std::optional<TensorInfo> {
    const auto it = tensors.find(name);
    if (it == tensors.end()) return std::nullopt;
    return it->second;
  };
}

}  // namespace lluda::frontends::decoder
