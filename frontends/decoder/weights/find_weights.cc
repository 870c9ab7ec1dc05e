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

// What matrices get in place of a type of 256 where their rows are no whole blocks of it: about as many bits,
// in blocks of 32. As llama.cpp's quantiser has it.
struct Substitute {
  ir::DType type, other;
};
constexpr Substitute kSubstitutes[] = {
    {ir::DType::kQ2K, ir::DType::kIQ4NL}, {ir::DType::kQ3K, ir::DType::kIQ4NL},
    {ir::DType::kQ4K, ir::DType::kQ5_0},  {ir::DType::kQ5K, ir::DType::kQ5_1},
    {ir::DType::kQ6K, ir::DType::kQ8_0},  {ir::DType::kIQ4XS, ir::DType::kIQ4NL},
};

bool HasWholeBlocks(const ir::Global& weight, ir::DType type) {
  return weight.type.axes.back().extent.value % ir::EncodingOf(type).elements == 0;
}

// What a tensor of this weight is quantised to, if it is.
std::optional<ir::DType> QuantisedTo(const Found& found, const std::string& tensor, ir::DType dtype,
                                     const ImportOptions& options) {
  if (!found.is_matrix() || !ir::IsFloat(dtype)) return std::nullopt;
  const auto own = options.tensor_weights.find(tensor);
  const std::optional<ir::DType> to =
      own == options.tensor_weights.end() ? options.weights : own->second;
  if (!to) return std::nullopt;
  const ir::DType type = HasWholeBlocks(found.weight, *to) ? *to : InBlocksOf32(*to);
  return HasWholeBlocks(found.weight, type) ? std::make_optional(type) : std::nullopt;
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

ir::DType InBlocksOf32(ir::DType type) {
  for (const Substitute& row : kSubstitutes) {
    if (row.type == type) return row.other;
  }
  return type;
}

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
