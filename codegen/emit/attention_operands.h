// An attention's operands by their meaning, for its emitter.
#ifndef LLUDA_CODEGEN_EMIT_ATTENTION_OPERANDS_H_
#define LLUDA_CODEGEN_EMIT_ATTENTION_OPERANDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// The kernel's buffers are the operands in this order, then the result.
struct AttentionOperands {
  static constexpr int kQ = 0, kK = 1, kV = 2, kPositions = 3, kSlots = 4;
  static constexpr int kKScales = 5, kVScales = 6;  // where K and V are i8
  // Of a cache in pages, which has the table of pages as its last operand.
  int table_buffer() const { return static_cast<int>(spec.operands.size()) - 1; }

  explicit AttentionOperands(const KernelSpec& spec);
  // Unimplemented, with the reason, for layouts that the kernel does not read.
  absl::Status Check() const;

  // Axes of q that the cache has too, and those it lacks: none, or the query heads of a KV head.
  std::vector<ir::Axis> HeadAxes() const;
  std::vector<ir::Axis> QueryAxes() const;
  // Query heads of a KV head.
  int64_t Group() const;
  bool has_tokens() const { return !positions.axes.empty(); }
  // The tokens' axis, if there is one.
  const ir::Axis& Token() const { return positions.axes[0].axis; }
  Value* Tokens(Emitter& e) const;
  // A weight is exp(Scale() * (score - maximum)), Scale() being positive. A score is q . k, or with a
  // softcap tanh(InnerScale() * q . k).
  float Scale() const {
    return static_cast<float>(has_softcap() ? *spec.attrs.softcap : *spec.attrs.scale);
  }
  float InnerScale() const { return static_cast<float>(*spec.attrs.scale / *spec.attrs.softcap); }
  bool has_softcap() const { return spec.attrs.softcap.has_value(); }
  bool has_window() const { return spec.window.has_value(); }
  bool has_scales() const { return k_scales != nullptr; }
  bool has_pages() const { return table != nullptr; }
  int result_buffer() const { return static_cast<int>(spec.operands.size()); }

  // Vectors that a head's elements fill, and how many elements the d-th one holds.
  int64_t Vectors() const { return (dims + kLanes - 1) / kLanes; }
  int Elements(int64_t d) const;

  // What `positions` (the last position that is seen) and `slots` say of a token.
  Value* LastOf(Emitter& e, Value* token) const;
  Value* SlotOf(Emitter& e, Value* token) const;
  // The first position that a token sees which sees `last` last; with a window it may be negative.
  Value* FirstOf(Emitter& e, Value* last) const;
  // So many wholes of `unit` positions, the last perhaps a part of one, as a step's rows that see
  // neighbouring positions see any of: with Place() of a unit's number, in a ring, each is told apart.
  struct Units {
    ir::Extent extent;
    int64_t positions;  // of each of the extent's elements
    int64_t more;       // positions beside them
  };
  Units UnitsOf(int64_t unit) const;
  // All the positions of them.
  Value* PositionsOf(Emitter& e, const Units& units) const;
  Value* Place(Emitter& e, Value* number, int64_t unit) const;
  // Of a cache in pages: where the table has the pages of a slot, and the indices of the states that
  // lead to a position by them.
  Value* PagesOf(Emitter& e, Value* slot) const;
  Indices InPage(Emitter& e, const Indices& cached, Value* pages, Value* position) const;
  int64_t PagePositions() const { return k.Find(pos)->axis.extent.value; }
  // Of q and of the result: a token's query head.
  Indices RowOf(const Indices& item, Value* token, Value* head) const;

  const KernelSpec& spec;
  const TensorSpec& q;
  const TensorSpec& k;
  const TensorSpec& v;
  const TensorSpec& positions;
  const TensorSpec& slots;
  const TensorSpec* k_scales;  // null without
  const TensorSpec* v_scales;
  const TensorSpec* table;  // null unless the cache is in pages
  const std::string slot;   // axes of the cache
  const std::string pos;
  const std::string dim;
  const int64_t dims;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_ATTENTION_OPERANDS_H_
