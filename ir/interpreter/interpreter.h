// Runs a module as ir/op/ops.md defines it: the meaning that passes must keep and that compiled code
// is measured against. Naive and readable, yet a step of a 6-layer model takes under a second.
//
//   Environment environment;
//   environment.symbols = {{"S", 1}, {"C", 64}};
//   environment.weights = [&](const Global& weight, int64_t index) { return Load(weight, index); };
//   absl::StatusOr<Interpreter> interpreter = Interpreter::Create(&module, environment);
//   RETURN_IF_ERROR(interpreter->RunLoad());
//   absl::StatusOr<Tensor> logits = interpreter->Call("step", {tokens, positions, slots, rows});
//
// Arguments choose the symbols of the parameters' types (T, R) anew in every call; the environment
// fixes the others. States start as zeros and keep what calls append to them. A value of more than
// 2^31 elements is a ResourceExhausted error.
//
// The module must pass Verify (ir/check/verifier.h). Errors of a call name the function and the
// statement:
// "@step: %x0: gather: index 4096 is not within 0..4095". A call that fails may have appended.
#ifndef LLUDA_IR_INTERPRETER_INTERPRETER_H_
#define LLUDA_IR_INTERPRETER_INTERPRETER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"

namespace lluda::ir {

// What a run needs beside the module.
struct Environment {
  // The symbols that no argument fixes: the extents of states.
  std::map<std::string, int64_t> symbols;
  // The elements of a weight, `index` being its layer (0 for a weight that exists once). Asked for
  // once per weight and index.
  std::function<absl::StatusOr<Tensor>(const Global& weight, int64_t index)> weights;
  // Likewise what the load block would define, which need not run then. May be empty.
  std::function<absl::StatusOr<Tensor>(const Global& global, int64_t index)> loaded = {};
};

class Interpreter {
 public:
  // Sees the result of each op as it is computed, call and for included. `func` is null in the load
  // block; `index` is the function's index, in the load block the loop's, 0 if there is none.
  using Observer =
      std::function<void(const Func* func, int64_t index, const Op& op, const Tensor& result)>;

  // InvalidArgument when a symbol of the environment is unknown to the module or out of its range,
  // or when a state's extent has no value. Keeps `module`, which must outlive it unchanged.
  static absl::StatusOr<Interpreter> Create(const Module* module, Environment environment);

  // Runs the load block: once, before the first call of a function that reads what it defines.
  absl::Status RunLoad();

  // NotFound when there is no such function; InvalidArgument when the arguments are not of its
  // parameters' types; OutOfRange for a bad index, token, slot or position.
  absl::StatusOr<Tensor> Call(absl::string_view func, std::vector<Tensor> arguments,
                              int64_t index = 0);

  void SetObserver(Observer observer) { observer_ = std::move(observer); }

  // The current value of a state, or of a global that RunLoad has computed.
  absl::StatusOr<Tensor> Read(absl::string_view global, int64_t index = 0) const;
  // Makes every state zeros again.
  void ResetStates();

 private:
  using TensorPtr = std::shared_ptr<const Tensor>;
  using GlobalKey = std::pair<const Global*, int64_t>;
  struct Frame;

  Interpreter(const Module* module, Environment environment)
      : module_(module), environment_(std::move(environment)) {}

  absl::StatusOr<TensorPtr> CallFunc(const Func& func, int64_t index,
                                     std::vector<TensorPtr> arguments);
  absl::Status Bind(const Func& func, const std::vector<TensorPtr>& arguments, Frame* frame) const;
  // Runs the ops; *result becomes the operand of the block's terminator, if it has one.
  absl::Status RunBlock(const Block& block, Frame* frame, TensorPtr* result);
  absl::StatusOr<TensorPtr> RunOp(const Op& op, Frame* frame);
  absl::StatusOr<TensorPtr> RunLoop(const Op& op, Frame* frame);
  absl::StatusOr<TensorPtr> ReadOperand(const Operand& operand, const Frame& frame);
  absl::StatusOr<TensorPtr> ReadFromEnvironment(const Global& global, int64_t index);
  absl::StatusOr<Type> Concrete(const Type& type, const Frame& frame) const;

  const Module* module_;
  Environment environment_;
  Observer observer_;
  // What was read so far from the environment, states, and what the load block has defined.
  std::map<GlobalKey, TensorPtr> globals_;
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_INTERPRETER_INTERPRETER_H_
