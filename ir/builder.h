// Builds the body of a function one op at a time; types come from InferType.
//
//   Builder b(func);
//   Value* h = b.Rmsnorm("h", x, Operand(norm, "layer"), "hid", 1e-6);
//   Value* q = b.Matmul("q0", h, Operand(wq, "layer"), "hid");
//   b.Return(q);
//   RETURN_IF_ERROR(b.status());
//
// Errors are deferred: the first one is kept, later calls return a placeholder value, and status()
// says what went wrong and at which value.
#ifndef LLUDA_IR_BUILDER_H_
#define LLUDA_IR_BUILDER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ir/graph.h"

namespace lluda::ir {

class Builder {
 public:
  // Appends to `block`, or to the function's body.
  explicit Builder(Block* block) : block_(block) {}
  explicit Builder(Func* func) : block_(&func->body) {}

  const absl::Status& status() const { return status_; }
  Block* block() const { return block_; }

  // Any op by opcode; the named helpers below are spellings of this one. `name` is made unique.
  Value* Add(Opcode opcode, absl::string_view name, std::vector<Operand> operands,
             Attrs attrs = {});
  // The same in the load block, defining a global instead of a value. `index` is the loop's index
  // name, or "".
  Op* Define(Opcode opcode, Global* global, std::string index, std::vector<Operand> operands,
             Attrs attrs = {});

  Value* Binary(Opcode opcode, absl::string_view name, const Operand& a, const Operand& b);
  Value* Unary(Opcode opcode, absl::string_view name, const Operand& x);
  Value* Scale(absl::string_view name, const Operand& x, double by);
  Value* Offset(absl::string_view name, const Operand& x, double by);
  Value* Cast(absl::string_view name, const Operand& x, DType out);
  Value* Matmul(absl::string_view name, const Operand& a, const Operand& b, std::string over);
  Value* Matmul(absl::string_view name, const Operand& a, const Operand& b,
                std::vector<std::string> over);
  Value* Rmsnorm(absl::string_view name, const Operand& x, const Operand& weight, std::string over,
                 double eps);
  Value* Gather(absl::string_view name, const Operand& table, const Operand& indices,
                std::string over);
  Value* Split(absl::string_view name, const Operand& x, std::string axis, std::vector<Axis> to);
  Value* Merge(absl::string_view name, const Operand& x, std::vector<std::string> axes, Axis to);
  Value* Slice(absl::string_view name, const Operand& x, std::string axis, int64_t begin,
               int64_t end, std::vector<Axis> as);
  // So many zeros at both ends of the axes.
  Value* Pad(absl::string_view name, const Operand& x, std::vector<std::string> over,
             int64_t before, int64_t after);
  // `to`: the places of the windows along the axis, and what is in one.
  Value* Window(absl::string_view name, const Operand& x, std::string axis, Axis to, Axis in,
                int64_t stride);
  // The same axis by another name.
  Value* Rename(absl::string_view name, const Operand& x, std::string axis, std::string to);
  Value* Concat(absl::string_view name, std::vector<Operand> parts, std::vector<std::string> axes,
                Axis to);
  Value* Permute(absl::string_view name, const Operand& x, std::vector<std::string> to);
  Value* Reduce(Opcode opcode, absl::string_view name, const Operand& x, std::string over);
  Value* CausalMask(absl::string_view name, const Operand& scores, std::string over,
                    const Operand& positions, std::optional<int64_t> window = std::nullopt);
  Value* Append(absl::string_view name, const Operand& state, const Operand& x,
                std::vector<std::string> over, const Operand& slots, const Operand& positions);
  Value* Call(absl::string_view name, Func* callee, std::string index,
              std::vector<Operand> operands);
  void Return(const Operand& value);

  // `%name = for index in begin..end carry %carry = init { ... }`: the caller fills body() through
  // a Builder of its own and ends it with Yield.
  Op* For(absl::string_view name, std::string index, int64_t begin, int64_t end,
          absl::string_view carry, const Operand& init);
  void Yield(const Operand& value);

 private:
  Value* Placeholder();
  void Fail(absl::string_view name, const absl::Status& status);

  Block* block_;
  absl::Status status_;
  std::vector<std::unique_ptr<Value>> placeholders_;
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_BUILDER_H_
