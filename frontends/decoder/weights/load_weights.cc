#include "frontends/decoder/weights/load_weights.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "frontends/decoder/weights/weight_rows.h"
#include "frontends/decoder/weights/weights.h"
#include "glog/logging.h"
#include "ir/builder.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::decoder {
namespace {

using ir::Operand;

// Layers that have the same dtypes, one behind the other.
struct Run {
  int64_t begin = 0;
  int64_t end = 0;
};

std::vector<Run> RunsOf(const std::vector<const Declared*>& weights, int64_t layers) {
  std::vector<Run> runs = {{0, 1}};
  for (int64_t layer = 1; layer < layers; ++layer) {
    const auto index = static_cast<size_t>(layer);
    const bool same = std::all_of(weights.begin(), weights.end(), [&](const Declared* declared) {
      const std::vector<ir::DType>& dtypes = declared->found.dtypes;
      return dtypes[index] == dtypes[index - 1];
    });
    if (!same) runs.push_back({layer, layer});
    runs.back().end = layer + 1;
  }
  return runs;
}

// Does the load block put the weight's rows in another order? See Decoder::paired_rows.
bool HasPairedRows(const WeightRow& row, const Decoder& decoder) {
  const auto is_one_of = [&](auto... members) { return ((row.member == members) || ...); };
  return decoder.paired_rows && is_one_of(&Weights::wq, &Weights::bq, &Weights::wk, &Weights::bk);
}

constexpr char kHead[] = "head";
constexpr char kPair[] = "pair";
constexpr char kHalf[] = "half";

// The weight's rows by head, half of a pair and pair.
ir::Value* SeparatePairs(const std::string& name, const Operand& weight, const Decoder& decoder,
                         ir::Builder* b) {
  const std::vector<ir::Axis>& axes = weight.type().axes;
  const int64_t heads = axes[0].extent.value / decoder.head_dim;
  ir::Value* paired = b->Split(absl::StrCat(name, "_paired"), weight, axes[0].name,
                               {{kHead, ir::Extent::Constant(heads)},
                                {kPair, ir::Extent::Constant(decoder.head_dim / 2)},
                                {kHalf, ir::Extent::Constant(2)}});
  std::vector<std::string> order = {kHead, kHalf, kPair};
  for (size_t i = 1; i < axes.size(); ++i) order.push_back(axes[i].name);
  return b->Permute(absl::StrCat(name, "_halves"), paired, std::move(order));
}

// Defines `loaded` as its source, with the rows in order and cast to its dtype. Values in between are
// called `name` and what was done.
void DefineLoaded(const std::string& name, const Operand& source, bool has_paired_rows,
                  const Decoder& decoder, ir::Global* loaded, ir::Builder* b) {
  const std::string& index = source.index;
  ir::Attrs cast;
  cast.out = loaded->type.dtype;
  if (!has_paired_rows) {
    b->Define(ir::Opcode::kCast, loaded, index, {source}, cast);
    return;
  }
  ir::Value* halves = SeparatePairs(name, source, decoder, b);
  const std::vector<std::string> axes = {kHead, kHalf, kPair};
  if (source.type().dtype == loaded->type.dtype) {
    ir::Attrs merge;
    merge.axes = axes;
    merge.result_axes = {loaded->type.axes[0]};
    b->Define(ir::Opcode::kMerge, loaded, index, {halves}, merge);
    return;
  }
  ir::Value* rows = b->Merge(absl::StrCat(name, "_rows"), halves, axes, loaded->type.axes[0]);
  b->Define(ir::Opcode::kCast, loaded, index, {rows}, cast);
}

// The dtype that a weight has once it is in its other form. Blocks stay what they are; floats are rounded
// like any other matrix, but not where they go into blocks afterwards.
ir::DType LoadedDType(const Found& found, const ImportOptions& options) {
  if (ir::IsBlock(found.weight.type.dtype)) return found.weight.type.dtype;
  const bool is_rounded = found.is_matrix() && options.precision == Precision::kBF16;
  if (is_rounded && !found.quantised[0]) return ir::DType::kBF16;
  return found.IsMixed() ? ir::DType::kF32 : found.weight.type.dtype;
}

}  // namespace

bool IsLoaded(const Found& found, const Decoder& decoder) {
  return found.IsMixed() || HasPairedRows(*found.row, decoder);
}

void AddLoaded(const std::vector<const Declared*>& all, const Decoder& decoder,
               const ImportOptions& options, ir::Module* module) {
  if (all.empty()) return;
  std::map<std::pair<const Found*, ir::DType>, ir::Global*> sources;
  for (const Declared* declared : all) {
    const Found& found = declared->found;
    for (const ir::DType dtype : found.dtypes) {
      ir::Global*& source = sources[{&found, dtype}];
      if (source != nullptr) continue;
      ir::Global weight = found.weight;
      absl::StrAppend(&weight.name, "_", ir::DTypeName(dtype));
      weight.type.dtype = dtype;
      source = module->AddGlobal(std::move(weight));
    }
    ir::Global loaded = found.weight;
    loaded.kind = ir::Global::Kind::kLoaded;
    loaded.source.clear();
    loaded.type.dtype = LoadedDType(found, options);
    declared->weights->*found.row->member = module->AddGlobal(std::move(loaded));
  }
  const ir::Index index = *all[0]->found.weight.index;
  const std::vector<Run> runs = RunsOf(all, index.count);
  for (const Run& run : runs) {
    ir::Op* loop = module->load.Append(ir::Opcode::kFor);
    loop->loop_index = index.name;
    loop->attrs.begin = run.begin;
    loop->attrs.end = run.end;
    loop->body = std::make_unique<ir::Block>(module, nullptr, loop);
    ir::Builder body(loop->body.get());
    for (const Declared* declared : all) {
      const Found& found = declared->found;
      ir::Global* source = sources[{&found, found.dtypes[static_cast<size_t>(run.begin)]}];
      // A name is used once in the load block, and a weight may be read by several loops.
      const std::string name =
          runs.size() == 1 ? source->name : absl::StrCat(source->name, "_", run.begin);
      DefineLoaded(name, {source, index.name}, HasPairedRows(*found.row, decoder), decoder,
                   declared->weights->*found.row->member, &body);
    }
    CHECK(body.status().ok()) << body.status();
  }
}

}  // namespace lluda::frontends::decoder
