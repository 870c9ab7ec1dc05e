// Writes one function of a decoder's module: what its layers, its head and its step have in
// common, op by op.
//
// Example:
//   FunctionWriter f(model, function.name, &function.group);
//   Value* x = f.Param("x", DType::kF32, {TokenAxis(), f.Named("hid")});
//   Value* h = f.Narrow("h", f.Norm("h0", x, w.mlp_norm, "hid"));
//   Value* y = f.Linear("gate", h, {w.wg, w.bg}, "hid");
//   return f.Return(y);
#ifndef LLUDA_FRONTENDS_DECODER_FUNCTION_WRITER_H_
#define LLUDA_FRONTENDS_DECODER_FUNCTION_WRITER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/decoder/model.h"
#include "ir/builder.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The tokens of a step, and those of them whose logits are wanted.
ir::Axis TokenAxis();
ir::Axis RowAxis();

// The rows that a matrix holds for one of several results, from `begin` on: as many as `axis` is
// long.
struct RowRange {
  const char* name;
  int64_t begin;
  const char* axis;
};

// A matrix of Weights, or some of its rows, and the bias that belongs to it.
struct LinearWeight {
  ir::Global* matrix = nullptr;
  ir::Global* bias = nullptr;
  std::optional<RowRange> rows{};
};

// Keys or values as the cache holds them.
struct Held {
  ir::Value* numbers = nullptr;
  ir::Value* scales = nullptr;  // of i8 numbers
};

class FunctionWriter {
 public:
  // A function of the group's layers, or if it is null one that exists once. The model and the group
  // must outlive the writer.
  FunctionWriter(const Model& model, std::string name, const LayerGroup* group);

  ir::Builder& b() { return b_; }

  // The axis of that name in the weights.
  ir::Axis Named(absl::string_view name) const;

  ir::Value* Param(std::string name, ir::DType dtype, std::vector<ir::Axis> axes);

  // The weight as a table of rows: what it means, if it is in blocks.
  ir::Operand TableWeight(ir::Global* weight);
  // The weight as a matmul's input. What is in blocks is not rounded to the precision's numbers.
  ir::Operand MatmulWeight(ir::Global* weight);

  // x as a matmul with this weight reads it: quantised where the model asks for that and the weight is
  // in blocks of integers. Matmuls that read one x share what is made of it.
  ir::Value* Activations(ir::Value* x, const ir::Global* weight);

  // x times the weight's matrix, and its bias added where it has one. The sum is called `name`.
  ir::Value* Linear(absl::string_view name, ir::Value* x, const LinearWeight& weight,
                    std::string over);

  ir::Value* Norm(absl::string_view name, const ir::Operand& x, ir::Global* weight,
                  std::string over);

  // tanh(x / cap) * cap; x itself without a cap.
  ir::Value* Softcap(absl::string_view name, ir::Value* x, std::optional<double> cap);

  // x itself for a factor of 1.
  ir::Value* ScaleBy(absl::string_view name, ir::Value* x, double by);

  // An f32 value as a matmul's input or a cache's content.
  ir::Value* Narrow(absl::string_view name, ir::Value* x);

  // This step's keys or values as the cache holds them. `name` and `prefix` are what the values
  // are called after.
  Held Hold(const Cache& cache, absl::string_view name, const std::string& prefix, ir::Value* x);

  // The cache of all positions, these tokens' among them.
  Held Append(const Cache& cache, const std::string& prefix, const Held& x, ir::Value* slot,
              ir::Value* pos);

  // What each token's slot holds, as numbers to compute with.
  ir::Value* Read(const std::string& prefix, const Held& all, ir::Value* slot);

  // Rotates (x[i], x[i + n]) by the angle of pair i < n, and leaves what lies behind the pairs. Values
  // are called after `prefix`.
  ir::Value* Rotate(const std::string& prefix, ir::Value* x, ir::Value* cos, ir::Value* sin);

  // Where activations are wanted, appends this one to a state of its own. Functions of several
  // kinds of layers share the state of that name. A function without slots records nothing; one of
  // some layers alone has to be that of a single layer.
  void Record(absl::string_view name, ir::Value* x, ir::Value* slot, ir::Value* pos);
  // The same where matrices' inputs are wanted, for one of them.
  void RecordInput(absl::string_view name, ir::Value* x, ir::Value* slot, ir::Value* pos);
  // The same as Record for a value of this layer, in a function that exists once.
  void RecordOf(int64_t layer, absl::string_view name, ir::Value* x, ir::Value* slot,
                ir::Value* pos);

  absl::Status Return(ir::Value* value);

 private:
  void RecordHere(absl::string_view name, ir::Value* x, ir::Value* slot, ir::Value* pos);
  void RecordInLayer(int64_t layer, absl::string_view name, ir::Value* x, ir::Value* slot,
                     ir::Value* pos);
  void RecordIn(const std::optional<ir::Index>& index, const std::string& copy,
                absl::string_view name, ir::Value* x, ir::Value* slot, ir::Value* pos);

  const Model& model_;
  const LayerGroup* group_;
  std::map<ir::Value*, ir::Value*> quantised_;  // what Activations has made
  ir::Func* func_;
  ir::Builder b_;
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_FUNCTION_WRITER_H_
