// The graph: a Module owns globals, an optional load block and functions; a block owns ops in
// execution order; an op owns its result.
//
//   Module
//     symbols   T in 1..512
//     globals   @wq[layer < 28] : bf16 q[2048] hid[1024] from "model.layers.{layer}....weight"
//     load      { %wt = permute @embed to hid vocab : ... }     runs once, fed by weights only
//     funcs     @attn[layer < 28](%x: ...) -> ... { ... }       one per kind of layer
//
// Values know their uses; every change of an operand goes through Op::SetOperand, which keeps them.
// Functions here CHECK on misuse by lluda's own code; what comes from outside is checked by the
// parser and the verifier first.
#ifndef LLUDA_IR_GRAPH_H_
#define LLUDA_IR_GRAPH_H_

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/op/attrs.h"
#include "ir/op/op_info.h"
#include "ir/type/type.h"

namespace lluda::ir {

class Block;
class Func;
class Module;
class Op;

// `symbol T in 1..512`: an extent that a run chooses.
struct Symbol {
  std::string name;
  int64_t min = 0;
  int64_t max = 0;
  bool operator==(const Symbol& o) const { return name == o.name && min == o.min && max == o.max; }
};

// `[layer < 28]`: a global or a function that exists once per layer.
struct Index {
  std::string name;
  int64_t count = 0;
  bool operator==(const Index& o) const { return name == o.name && count == o.count; }
};

// A tensor that lives outside the functions.
struct Global {
  enum class Kind : uint8_t {
    kWeight,  // comes from the checkpoint
    kState,   // persists between steps: a KV cache
    kLoaded,  // computed by the load block
  };
  Kind kind = Kind::kWeight;
  std::string name;  // without '@'
  std::optional<Index> index;
  Type type;
  // kWeight: tensor name in the checkpoint, with {layer} for the index. `{layer: 1 3 5}` stands for
  // one of these numbers, of index 0, 1 and 2; the first axis's name in braces for one tensor of each
  // of its elements, which are stacked along it.
  std::string source;
};

struct Use {
  Op* op = nullptr;
  int operand = 0;
};

// A tensor computed by an op or passed to a function or a loop.
class Value {
 public:
  Value(std::string name, Type type, Op* def)
      : name(std::move(name)), type(std::move(type)), def_(def) {}
  Value(const Value&) = delete;

  // The op that computes it; nullptr for a function's parameter and a loop's carried value.
  Op* def() const { return def_; }
  const std::vector<Use>& uses() const { return uses_; }
  bool HasOneUse() const { return uses_.size() == 1; }

  std::string name;  // without '%'; unique in its function
  Type type;

 private:
  friend class Op;
  Op* def_;
  std::vector<Use> uses_;
};

// What an op reads: a value, or a global with an index: `%x`, `@embed`, `@wq[layer]`.
struct Operand {
  Operand() = default;
  Operand(Value* v) : value(v) {}  // NOLINT: meant to convert
  Operand(Global* g, std::string i = "") : global(g), index(std::move(i)) {}  // NOLINT

  const Type& type() const { return value != nullptr ? value->type : global->type; }
  bool operator==(const Operand& o) const {
    return value == o.value && global == o.global && index == o.index;
  }

  Value* value = nullptr;
  Global* global = nullptr;
  // The loop or function index that selects the row, or a number; "" when not indexed.
  std::string index;
};

class Op {
 public:
  Op(Opcode opcode, Block* parent) : opcode_(opcode), parent_(parent) {}
  ~Op();
  Op(const Op&) = delete;

  Opcode opcode() const { return opcode_; }
  absl::string_view name() const { return Info(opcode_).name; }
  Block* parent() const { return parent_; }

  const std::vector<Operand>& operands() const { return operands_; }
  const Operand& operand(int i) const { return operands_[i]; }
  int operand_count() const { return static_cast<int>(operands_.size()); }
  void SetOperand(int i, Operand operand);
  void SetOperands(std::vector<Operand> operands);

  // The value computed; nullptr for terminators and for ops that define a global.
  Value* result() const { return result_.get(); }
  Value* SetResult(std::string name, Type type);
  // Load block only: the global this op defines (`@head = pack ...`).
  Global* defined_global = nullptr;
  // The index name of `@wqkv[layer] = ...` in a load loop; "" when the global has no index.
  std::string defined_index;
  // The result's type, whichever of the two it is.
  const Type& result_type() const;

  Attrs attrs;
  std::string by;  // the pass that made it; provenance only, ignored by equality
  // The line of Module::file that has the statement of this name, 0 if none has; for messages only,
  // neither printed nor compared. Passes that put an op in another one's place keep it.
  int line = 0;
  // plan-memory's result: where the op's result lies in its function's frame, in bytes. Views,
  // appends, loops and returned values own no place there.
  std::optional<int64_t> frame_offset;

  // kCall: the callee and the index passed on (`call @attn[layer] %x`, `call @attn[3] %x`).
  Func* callee = nullptr;
  std::string callee_index;

  // kFor: `for <loop_index> in begin..end carry %x = <operand 0>`; the body ends in yield. A loop
  // of the load block carries nothing, has no operand and no result.
  std::string loop_index;
  std::unique_ptr<Block> body;
  std::unique_ptr<Value> carried;

 private:
  void AddUse(int i);
  void DropUse(int i);

  Opcode opcode_;
  Block* parent_;
  std::vector<Operand> operands_;
  std::unique_ptr<Value> result_;
};

class Block {
 public:
  using List = std::list<std::unique_ptr<Op>>;

  Block(Module* module, Func* func, Op* loop) : module_(module), func_(func), loop_(loop) {}
  ~Block() { Clear(); }
  Block(const Block&) = delete;

  Module* module() const { return module_; }
  Func* func() const { return func_; }  // nullptr inside the load block
  Op* loop() const { return loop_; }    // the `for` whose body this is, or nullptr

  List& ops() { return ops_; }
  const List& ops() const { return ops_; }
  bool empty() const { return ops_.empty(); }
  // The last op if it is a return or yield, else nullptr.
  Op* terminator() const;

  // Destroys all ops, in whatever order they use each other.
  void Clear();
  // Leaves all ops, those of loops too, without operands.
  void DropOperands();
  Op* Append(Opcode opcode);
  Op* InsertBefore(const Op* position, Opcode opcode);
  // Removes an op whose result has no uses.
  void Erase(Op* op);
  // Moves an op of this block to just before `position`, an op of this block too.
  void MoveBefore(Op* op, const Op* position);

 private:
  List::iterator Find(const Op* op);

  Module* module_;
  Func* func_;
  Op* loop_;
  List ops_;
};

class Func {
 public:
  Func(Module* module, std::string name);
  ~Func() { body.Clear(); }  // its ops use the parameters
  Func(const Func&) = delete;

  Module* module() const { return module_; }
  Value* AddParam(std::string name, Type type);
  const std::vector<std::unique_ptr<Value>>& params() const { return params_; }
  // A name starting with `hint` that no value of this function has.
  std::string UniqueName(absl::string_view hint) const;

  std::string name;  // without '@'
  std::optional<Index> index;
  Type result_type;
  Block body;

 private:
  Module* module_;
  std::vector<std::unique_ptr<Value>> params_;
};

class Module {
 public:
  explicit Module(std::string name) : name(std::move(name)), load(this, nullptr, nullptr) {}
  // A module that the verifier refuses can be destroyed, too: nothing uses anything by then.
  ~Module();
  Module(const Module&) = delete;

  const Symbol* FindSymbol(absl::string_view symbol_name) const;
  Global* AddGlobal(Global global);
  Global* FindGlobal(absl::string_view global_name) const;
  void EraseGlobal(Global* global);
  Func* AddFunc(std::string func_name);
  Func* FindFunc(absl::string_view func_name) const;
  void EraseFunc(Func* func);  // no call may be left of it, other than its own
  // A name starting with `hint` that no global has.
  std::string UniqueGlobalName(absl::string_view hint) const;
  // True when an op anywhere reads or defines the global.
  bool IsUsed(const Global* global) const;

  const std::vector<std::unique_ptr<Global>>& globals() const { return globals_; }
  const std::vector<std::unique_ptr<Func>>& funcs() const { return funcs_; }

  std::string name;
  std::string file;  // the name of the text it was parsed from, for messages; "" if it was not
  // The passes it has gone through, in order, those that changed nothing included; provenance only,
  // ignored by equality. A dump so says where the pipeline goes on.
  std::vector<std::string> passes;
  std::vector<Symbol> symbols;
  // Declared before the functions: values of the load block are destroyed after their uses.
  Block load;

 private:
  std::vector<std::unique_ptr<Global>> globals_;
  std::vector<std::unique_ptr<Func>> funcs_;
};

// Index of the first operand that is written behind `at`, -1 when there is none. A matmul's depends
// on its epilogue.
int AtOperand(const Op& op);
// Index of the operand that is the state the op appends to, -1 when it appends to none. It is the
// only effect an op has; the slots and the positions are the op's last two operands.
int AppendedOperand(const Op& op);
inline bool Appends(const Op& op) { return AppendedOperand(op) >= 0; }
// Whether an attention's keys and values lie in pages; its last operand then says in which.
inline bool ReadsPages(const Op& attention) { return attention.operand_count() % 2 == 0; }

// What the op computes, as text calls it: "%o0", "@wqkv"; "return" of an op without a result.
std::string ResultName(const Op& op);
// Where the op stands: "dump.lluda:105: @attn: %o0", without file and line if no text has it;
// "load: @wqkv" in the load block.
std::string PlaceOf(const Op& op);

// Makes every use of `from` read `to` instead.
void ReplaceAllUses(Value* from, Operand to);

// Calls `visit` for every op of the block and of the loops inside it, in execution order.
template <typename Visit>
void ForEachOp(const Block& block, Visit&& visit) {
  for (const auto& op : block.ops()) {
    visit(op.get());
    if (op->body) ForEachOp(*op->body, visit);
  }
}
// The same for the load block and then every function of a module.
template <typename Visit>
void ForEachOp(const Module& module, Visit&& visit) {
  ForEachOp(module.load, visit);
  for (const auto& func : module.funcs()) ForEachOp(func->body, visit);
}

// The number that a row is selected by, as in `@attn[3]`; nothing for the name of an index.
std::optional<int64_t> ConstantIndex(absl::string_view index);

// What stands for the index in the source of a weight: `{layer}`, or with numbers that are listed for
// its values `{layer: 1 3 5}`. Nothing where the weight has no index, or its source no such place.
struct SourceIndex {
  std::string text;
  std::vector<int64_t> numbers;
};
std::optional<SourceIndex> FindSourceIndex(const Global& weight);

// The source of a weight with the index filled in: "model.layers.3.mlp.up_proj.weight".
std::string SourceName(const Global& weight, int64_t index);
// Whether the weight is stacked from one tensor for each element of its first axis.
bool IsStacked(const Global& weight);
// The tensors that make a row of the weight: one, or those that are stacked, in their order.
std::vector<std::string> SourceNames(const Global& weight, int64_t index);

}  // namespace lluda::ir

#endif  // LLUDA_IR_GRAPH_H_
