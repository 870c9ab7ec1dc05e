// What an op carries besides its operands. One plain struct serves all ops; the op table says which
// parts an op uses, and the verifier that no other part is set.
//
// Example: `slice %q dim 0..64 as pair[64]` has axes = {"dim"}, begin = 0, end = 64,
// result_axes = {pair[64]}; `rmsnorm %x @w over hid {eps = 1e-06}` has axes = {"hid"}, eps = 1e-06.
#ifndef LLUDA_IR_OP_ATTRS_H_
#define LLUDA_IR_OP_ATTRS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/op/attr_key.h"
#include "ir/op/epilogue.h"
#include "ir/type/type.h"

namespace lluda::ir {

enum class Mask : uint8_t { kNone, kCausal };
// Which elements RoPE pairs up: kHalf rotates (i, i + dim / 2).
enum class RopeStyle : uint8_t { kNone, kHalf };

// Of the panels that `pack` makes: `rows` x `depth`, written 16x2.
struct PanelShape {
  int rows = 0;
  int depth = 0;
  bool operator==(const PanelShape& o) const { return rows == o.rows && depth == o.depth; }
};

struct Attrs {
  std::vector<std::string> axes;  // over / to / slice's axis / the left side of ->
  std::vector<Axis> result_axes;  // the right side of ->, or what follows `as`
  int64_t begin = 0;              // range of a slice or a loop
  int64_t end = 0;
  std::optional<double> base, by, eps, scale, softcap, step;
  std::optional<int64_t> window;         // of positions, a token's own among them
  std::optional<int64_t> ring;           // cells that a state's positions go round in
  std::optional<int64_t> before, after;  // zeros that a pad puts there; 0 where not given
  std::optional<int64_t> stride;         // of the windows along an axis
  std::optional<DType> out;
  Epilogue epilogue;
  Mask mask = Mask::kNone;
  RopeStyle style = RopeStyle::kNone;
  std::optional<PanelShape> tile;
  std::vector<float> values;  // of a literal

  bool operator==(const Attrs& o) const;
  // True when the attribute has a value other than its default.
  bool IsSet(AttrKey key) const;
};

// "eps", "out", ...
absl::string_view AttrKeyName(AttrKey key);
std::optional<AttrKey> AttrKeyFromName(absl::string_view name);
// Whether the value is one word or several, `bias add` or `1 0.5`, instead of exactly one.
bool TakesSeveralWords(AttrKey key);

// The text of a set attribute's value: `1e-06`, `bf16`, `bias add`, `16x2`, `1 0.5`. Numbers are the
// shortest decimals that read back as the same double, or as the same f32 in a list.
std::string AttrValueText(const Attrs& attrs, AttrKey key);
// Reads what AttrValueText writes; false when the text is no value for that key.
bool SetAttrFromText(AttrKey key, absl::string_view text, Attrs* attrs);

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_ATTRS_H_
