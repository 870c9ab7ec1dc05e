#include "codegen/bound_spec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "machine/tiles.h"

namespace lluda::codegen {
namespace {

// What no position lies before; sums with positions are far from overflowing.
constexpr int64_t kNoWindow = int64_t{1} << 62;
// Symbols that stand for these numbers. No symbol of a module has a space.
constexpr char kWindow[] = "the window";
constexpr char kRing[] = "the ring";

// Calls `visit` with each of the spec's symbols, in an order that does not depend on their names
// until strides come, which have no symbol of their own but in views.
template <typename Visit>
void EachSymbol(KernelSpec* spec, const Visit& visit) {
  const auto extent = [&](ir::Extent* extent) {
    if (!extent->is_constant()) visit(&extent->symbol);
  };
  const auto each_tensor = [&](const auto& body) {
    for (TensorSpec& operand : spec->operands) body(&operand);
    body(&spec->result);
  };
  each_tensor([&](TensorSpec* tensor) {
    for (ir::StridedAxis& strided : tensor->axes) extent(&strided.axis.extent);
  });
  for (ir::Axis& axis : spec->attrs.result_axes) extent(&axis.extent);
  if (spec->window) extent(&*spec->window);
  if (spec->ring) extent(&*spec->ring);
  each_tensor([&](TensorSpec* tensor) {
    for (ir::StridedAxis& strided : tensor->axes) {
      for (std::string& symbol : strided.stride.symbols) visit(&symbol);
      absl::c_sort(strided.stride.symbols);
    }
  });
}

// A kernel that takes as dims what others have as constants.
struct Loose {
  KernelSpec spec;
  std::map<std::string, int64_t> numbers;
};

bool Appends(const KernelSpec& spec) {
  return spec.opcode == ir::Opcode::kAppend ||
         absl::c_linear_search(spec.attrs.epilogue, ir::EpilogueStep::kAppend);
}

// The axis of the cache's positions; "" of a statement that has no cache.
std::string PositionsOf(const KernelSpec& spec) {
  if (spec.opcode == ir::Opcode::kAttention) return spec.attrs.axes[1];
  return Appends(spec) ? spec.attrs.axes.back() : "";
}

// Has as many elements along the axis as kRing says, in place of `extent`: rows of the axes outside
// it follow one another. False where they do not.
bool LoosenAxis(size_t axis, int64_t extent, TensorSpec* tensor) {
  tensor->axes[axis].axis.extent = ir::Extent::Symbol(kRing);
  if (tensor->layout.is_panel()) return true;
  for (size_t outer = 0; outer < axis; ++outer) {
    ir::Stride& stride = tensor->axes[outer].stride;
    if (stride.factor % extent != 0) return false;
    stride.factor /= extent;
    stride.symbols.emplace_back(kRing);
    absl::c_sort(stride.symbols);
  }
  return true;
}

// The ring is a dim: of a cache without one as many cells as positions.
bool LoosenRing(const std::string& positions, Loose* loose) {
  KernelSpec& spec = loose->spec;
  const std::optional<ir::Extent> ring = spec.ring;
  if (ring && ring->value % machine::kCacheSection != 0) return false;
  if (ring) loose->numbers[kRing] = ring->value;
  std::vector<TensorSpec*> tensors = {&spec.result};
  for (TensorSpec& operand : spec.operands) tensors.push_back(&operand);
  for (TensorSpec* tensor : tensors) {
    for (size_t i = 0; i < tensor->axes.size(); ++i) {
      const ir::Axis& axis = tensor->axes[i].axis;
      if (axis.name != positions) continue;
      if (ring && !(axis.extent == *ring)) return false;
      if (ring && !LoosenAxis(i, ring->value, tensor)) return false;
      if (ring) continue;
      if (axis.extent.is_constant()) return false;
      spec.ring = axis.extent;
    }
  }
  if (ring) spec.ring = ir::Extent::Symbol(kRing);
  return spec.ring.has_value();
}

// The kernels that could take this one's place, the one of most dims first.
std::vector<Loose> LooseFormsOf(const KernelSpec& spec) {
  const std::string positions = PositionsOf(spec);
  if (positions.empty()) return {};
  Loose all = {spec, {}};
  if (spec.opcode == ir::Opcode::kAttention) {
    all.numbers[kWindow] = spec.window ? spec.window->value : kNoWindow;
    all.spec.window = ir::Extent::Symbol(kWindow);
  }
  Loose window = all;
  std::vector<Loose> forms;
  if (LoosenRing(positions, &all)) forms.push_back(std::move(all));
  // What has a ring is never read without.
  if (!spec.ring && spec.opcode == ir::Opcode::kAttention) forms.push_back(std::move(window));
  return forms;
}

std::string BoundKey(const KernelSpec& spec, const std::map<std::string, int64_t>& numbers) {
  return KeyOf(BindSymbols(spec, numbers).spec);
}

}  // namespace

BoundSpec BindSymbols(KernelSpec spec, const std::map<std::string, int64_t>& numbers) {
  BoundSpec bound{std::move(spec), {}};
  std::map<std::string, std::string> names;
  EachSymbol(&bound.spec, [&](std::string* symbol) {
    const auto [name, is_new] = names.try_emplace(*symbol, DimName(bound.dims.size()));
    if (is_new) {
      const auto number = numbers.find(*symbol);
      bound.dims.push_back(number != numbers.end() ? ir::Extent::Constant(number->second)
                                                   : ir::Extent::Symbol(*symbol));
    }
    *symbol = name->second;
  });
  bound.spec.dims = bound.dims.size();
  return bound;
}

SpecBinder::SpecBinder(const ir::Module& module, const Backend& backend) : backend_(backend) {
  if (!backend.BindsDims()) return;
  for (const auto& func : module.funcs()) {
    ir::ForEachOp(func->body, [&](const ir::Op* op) { Note(*op); });
  }
}

void SpecBinder::Note(const ir::Op& op) {
  if (op.opcode() != ir::Opcode::kAttention && !ir::Appends(op)) return;
  const KernelSpec spec = backend_.SpecOf(op);
  const std::string key = BoundKey(spec, {});
  for (const Loose& form : LooseFormsOf(spec)) {
    windows_[BoundKey(form.spec, form.numbers)].insert(key);
  }
}

BoundSpec SpecBinder::Bind(const ir::Op& op) const {
  KernelSpec spec = backend_.SpecOf(op);
  if (!backend_.BindsDims()) return {std::move(spec), {}};
  for (Loose& form : LooseFormsOf(spec)) {
    const auto others = windows_.find(BoundKey(form.spec, form.numbers));
    if (others != windows_.end() && others->second.size() > 1) {
      return BindSymbols(std::move(form.spec), form.numbers);
    }
  }
  return BindSymbols(std::move(spec), {});
}

}  // namespace lluda::codegen
