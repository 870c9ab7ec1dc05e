#include "frontends/decoder/weights/declare_weight.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "frontends/decoder/weights/model_axis.h"

namespace lluda::frontends::decoder {

ir::Global Declare(const WeightRow& row, const Decoder& decoder, const LayerGroup* group) {
  ir::Global weight;
  weight.name = row.name;
  weight.source = row.source;
  if (decoder.experts && decoder.experts->one_tensor) {
    weight.source = absl::StrReplaceAll(weight.source, {{".{expert}", ""}});
  }
  if (group != nullptr) {
    weight.index = group->index;
    absl::StrAppend(&weight.name, group->suffix);
  }
  if (group != nullptr && !group->has_all_layers()) {
    // The copies' layers, one for each.
    const std::string layers = absl::StrJoin(group->layers, " ");
    weight.source = absl::StrReplaceAll(
        weight.source, {{absl::StrCat("{", kLayer, "}"),
                         absl::StrCat("{", group->index.name, ": ", layers, "}")}});
  }
  for (const char* axis : row.axes) {
    if (axis != nullptr) weight.type.axes.push_back(ModelAxis(decoder, axis));
  }
  return weight;
}

ir::Global Declare(const WeightRow& row, const Decoder& decoder) {
  if (row.copies == Copies::kOne) return Declare(row, decoder, nullptr);
  const LayerGroup whole = WholeGroup(decoder, row.copies);
  return Declare(row, decoder, &whole);
}

int64_t CopiesOf(const ir::Global& weight) { return weight.index ? weight.index->count : 1; }

std::vector<std::string> AllSourceNames(const ir::Global& weight) {
  std::vector<std::string> names;
  for (int64_t copy = 0; copy < CopiesOf(weight); ++copy) {
    for (std::string& name : ir::SourceNames(weight, copy)) names.push_back(std::move(name));
  }
  return names;
}

std::vector<int64_t> TensorShape(const ir::Global& weight) {
  std::vector<int64_t> shape;
  for (const ir::Axis& axis : weight.type.axes) shape.push_back(axis.extent.value);
  if (ir::IsStacked(weight)) shape.erase(shape.begin());
  return shape;
}

}  // namespace lluda::frontends::decoder
