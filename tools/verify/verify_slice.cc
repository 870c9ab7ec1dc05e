#include "tools/verify/verify_slice.h"

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ir/check/verifier.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "ir/type/encoding.h"
#include "ir/view.h"

namespace lluda::tools {
namespace {

class Slicer {
 public:
  Slicer(const ir::Module& module, const std::set<std::string>& inputs)
      : module_(module), inputs_(inputs) {}

  std::string Run(const ir::Op& op) {
    Add(op);
    // A global may be defined in parts.
    if (op.defined_global != nullptr) AddGlobal(*op.defined_global);
    std::string text = absl::StrCat("lluda 1\nmodule @", module_.name, " {\n");
    for (const ir::Symbol& symbol : module_.symbols) {
      absl::StrAppend(&text, "symbol ", symbol.name, " in ", symbol.min, "..", symbol.max, "\n");
    }
    std::string load;
    Print(module_.load, &load);
    for (const auto& global : module_.globals()) {
      if (globals_.count(global.get()) > 0) absl::StrAppend(&text, Declaration(*global));
    }
    if (!load.empty()) absl::StrAppend(&text, "load {\n", load, "}\n");
    const ir::Block& block = *op.parent();
    if (block.func() != nullptr) absl::StrAppend(&text, FuncText(*block.func(), op));
    if (op.defined_global != nullptr) absl::StrAppend(&text, ReaderText(op));
    return text + "}\n";
  }

 private:
  void Add(const ir::Op& op) {
    if (!ops_.insert(&op).second) return;
    for (const ir::Operand& operand : op.operands()) {
      if (operand.global != nullptr) {
        AddGlobal(*operand.global);
      } else {
        AddValue(*operand.value);
      }
    }
  }

  void AddGlobal(const ir::Global& global) {
    if (!globals_.insert(&global).second) return;
    ir::ForEachOp(module_.load, [&](const ir::Op* op) {
      if (op->defined_global == &global) Add(*op);
    });
  }

  void AddValue(const ir::Value& value) {
    const ir::Op* def = value.def();
    const bool in_load = def != nullptr && def->parent()->func() == nullptr;
    const bool opaque =
        def == nullptr || def->opcode() == ir::Opcode::kCall || def->opcode() == ir::Opcode::kFor;
    const bool is_input = inputs_.count(value.name) > 0;
    if (in_load || (!opaque && !is_input)) {
      Add(*def);
    } else if (def != nullptr && def->opcode() == ir::Opcode::kAppend) {
      AddAppend(*def);
    } else {
      AddParam(value);
    }
  }

  void AddParam(const ir::Value& value) {
    if (is_param_.insert(&value).second) params_.push_back(&value);
  }

  // A state cannot be passed, so that what is appended to it becomes the input instead.
  void AddAppend(const ir::Op& append) {
    if (!ops_.insert(&append).second) return;
    for (const ir::Operand& operand : append.operands()) {
      if (operand.global != nullptr) AddGlobal(*operand.global);
      if (operand.value == nullptr) continue;
      const ir::Op* def = operand.value->def();
      if (def != nullptr && def->opcode() == ir::Opcode::kAppend) {
        AddAppend(*def);
      } else {
        AddParam(*operand.value);
      }
    }
  }

  static std::string IndexText(const std::optional<ir::Index>& index) {
    return index ? absl::StrCat("[", index->name, " < ", index->count, "]") : "";
  }

  static std::string Declaration(const ir::Global& global) {
    if (global.kind == ir::Global::Kind::kLoaded) return "";
    return absl::StrCat(global.kind == ir::Global::Kind::kWeight ? "weight @" : "state @",
                        global.name, IndexText(global.index), " : ", ir::ToString(global.type),
                        global.source.empty() ? "" : absl::StrCat(" from \"", global.source, "\""),
                        "\n");
  }

  // The chosen statements in order; loops as far as something in them was chosen.
  void Print(const ir::Block& block, std::string* text) const {
    for (const auto& op : block.ops()) {
      if (op->opcode() == ir::Opcode::kFor) {
        std::string body;
        Print(*op->body, &body);
        if (!body.empty() && op->carried == nullptr) {
          absl::StrAppend(text, "for ", op->loop_index, " in ", op->attrs.begin, "..",
                          op->attrs.end, " {\n", body, "}\n");
        } else {
          absl::StrAppend(text, body);
        }
      } else if (ops_.count(op.get()) > 0) {
        absl::StrAppend(text, ir::PrintOp(*op), "\n");
      }
    }
  }

  std::string FuncText(const ir::Func& func, const ir::Op& op) const {
    std::vector<std::string> params;
    for (const ir::Value* param : params_) {
      params.push_back(absl::StrCat("%", param->name, ": ", ir::ToString(param->type)));
    }
    std::string body;
    Print(func.body, &body);
    // A statement in a loop may use its index.
    const ir::Op* loop = op.parent()->loop();
    const std::string index = loop == nullptr
                                  ? IndexText(func.index)
                                  : IndexText(ir::Index{loop->loop_index, loop->attrs.end});
    return absl::StrCat("func @", func.name, index, "(", absl::StrJoin(params, ", "), ") -> ",
                        ir::ToString(op.result_type()), " {\n", body, "return %", op.result()->name,
                        "\n}\n");
  }

  // A function that computes something from the global.
  static std::string ReaderText(const ir::Op& op) {
    const ir::Global& global = *op.defined_global;
    ir::Type type = global.type;
    type.layout = {};
    const ir::Type result = type.With(ir::DType::kF32);
    const bool in_blocks = ir::IsBlock(type.dtype);
    return absl::StrCat("func @read", IndexText(global.index), "() -> ", ir::ToString(result),
                        " {\n%r = ", in_blocks ? "dequantize @" : "cast @", global.name,
                        op.defined_index.empty() ? "" : absl::StrCat("[", op.defined_index, "]"),
                        in_blocks ? "" : " {out = f32}", " : ", ir::ToString(result),
                        "\nreturn %r\n}\n");
  }

  const ir::Module& module_;
  const std::set<std::string>& inputs_;
  std::set<const ir::Op*> ops_;
  std::set<const ir::Global*> globals_;
  std::set<const ir::Value*> is_param_;
  std::vector<const ir::Value*> params_;
};

}  // namespace

absl::StatusOr<std::string> SliceText(const ir::Module& module, const ir::Op& op,
                                      const std::set<std::string>& inputs) {
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> slice,
                   ir::ParseModule(Slicer(module, inputs).Run(op), "slice"));
  // The frame is another one now.
  ir::ForEachOp(*slice, [](ir::Op* part) { part->frame_offset.reset(); });
  RETURN_IF_ERROR(ir::Verify(*slice));
  return ir::PrintModule(*slice);
}

std::set<std::string> KernelInputs(const ir::Op& op) {
  std::set<std::string> inputs;
  for (const ir::Operand& operand : op.operands()) {
    const ir::Operand base = ir::ResolveAccess(operand).base;
    if (base.value != nullptr) inputs.insert(base.value->name);
  }
  return inputs;
}

}  // namespace lluda::tools
