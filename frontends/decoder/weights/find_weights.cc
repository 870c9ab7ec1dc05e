#include "frontends/decoder/weights/find_weights.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/required_tensor.h"
#include "frontends/decoder/weights/declare_weight.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::decoder {
namespace {

// What a tensor of this weight is quantised to: floats with rows of whole blocks are.
std::optional<ir::DType> QuantisedTo(const Found& found, const std::string& tensor, ir::DType dtype,
                                     const ImportOptions& options) {
  if (!found.is_matrix() || !ir::IsFloat(dtype)) return std::nullopt;
  const auto own = options.tensor_weights.find(tensor);
  const std::optional<ir::DType> to =
      own == options.tensor_weights.end() ? options.weights : own->second;
  if (!to) return std::nullopt;
  const int64_t columns = found.weight.type.axes.back().extent.value;
  return columns % ir::EncodingOf(*to).elements == 0 ? to : std::nullopt;
}

absl::StatusOr<Found> FindWeight(const WeightRow& row, const Decoder& decoder,
                                 const ImportOptions& options) {
  Found found{&row, Declare(row, decoder), {}, {}};
  ir::Global& weight = found.weight;
  for (int64_t copy = 0; copy < CopiesOf(weight); ++copy) {
    std::optional<ir::DType> dtype;
    const std::vector<std::string> names = ir::SourceNames(weight, copy);
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(TensorInfo info, RequireTensor(options.find_tensor, options.checkpoint_name,
                                                      name, TensorShape(weight)));
      if (dtype && info.dtype != dtype) {
        return absl::UnimplementedError(absl::StrCat(
            options.checkpoint_name, ": tensor '", name, "' is ", info.dtype_name,
            ", others of that layer's experts are ", absl::AsciiStrToUpper(ir::DTypeName(*dtype))));
      }
      dtype = info.dtype;
    }
    found.dtypes.push_back(*dtype);
    found.quantised.push_back(QuantisedTo(found, names[0], *dtype, options));
  }
  weight.type.dtype = found.dtypes[0];
  return found;
}

}  // namespace

absl::StatusOr<std::vector<Found>> FindWeights(const Decoder& decoder,
                                               const ImportOptions& options) {
  std::vector<Found> all;
  for (const WeightRow& row : WeightRows()) {
    const bool is_needless = row.member == &Weights::lm_head &&
                             (decoder.tie_word_embeddings || options.result == StepResult::kHidden);
    if (is_needless || !row.has(decoder)) continue;
    ASSIGN_OR_RETURN(Found found, FindWeight(row, decoder, options));
    all.push_back(std::move(found));
  }
  return all;
}

Found InGroup(const Found& all, const LayerGroup& group, const Decoder& decoder) {
  const LayerGroup whole = WholeGroup(decoder, group.copies);
  Found found{all.row, Declare(*all.row, decoder, &group), {}, {}};
  for (const int64_t layer : group.layers) {
    const auto copy = static_cast<size_t>(CopyOf(whole, layer));
    found.dtypes.push_back(all.dtypes[copy]);
    found.quantised.push_back(all.quantised[copy]);
  }
  found.weight.type.dtype = found.dtypes[0];
  return found;
}

}  // namespace lluda::frontends::decoder
