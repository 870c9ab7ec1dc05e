#include "passes/place/load_block.h"

#include <memory>

namespace lluda::passes {

using ir::Block;
using ir::Global;
using ir::Op;

Block* LoadLoop(ir::Module* module, const ir::Index& rows, const std::set<const Global*>& needed) {
  for (auto it = module->load.ops().rbegin(); it != module->load.ops().rend(); ++it) {
    Op* op = it->get();
    if (op->body != nullptr && op->loop_index == rows.name && op->attrs.begin == 0 &&
        op->attrs.end == rows.count) {
      return op->body.get();
    }
    bool defines_needed = needed.count(op->defined_global) > 0;
    if (op->body != nullptr) {
      ForEachOp(*op->body, [&](const Op* inner) {
        defines_needed |= needed.count(inner->defined_global) > 0;
      });
    }
    if (defines_needed) break;
  }
  Op* loop = module->load.Append(ir::Opcode::kFor);
  loop->loop_index = rows.name;
  loop->attrs.end = rows.count;
  loop->body = std::make_unique<Block>(module, nullptr, loop);
  return loop->body.get();
}

Op* FindDefinition(const ir::Module& module, const Global* global) {
  const std::vector<Op*> definitions = FindDefinitions(module, global);
  return definitions.size() == 1 ? definitions[0] : nullptr;
}

std::vector<Op*> FindDefinitions(const ir::Module& module, const Global* global) {
  std::vector<Op*> definitions;
  ForEachOp(module.load, [&](Op* op) {
    if (op->defined_global == global) definitions.push_back(op);
  });
  return definitions;
}

bool DefinesPart(const Op& op) {
  const Op* loop = op.parent()->loop();
  return op.defined_global != nullptr && loop != nullptr &&
         (loop->attrs.begin != 0 || loop->attrs.end != op.defined_global->index->count);
}

std::vector<ir::Use> FindReaders(const ir::Module& module, const Global* global) {
  std::vector<ir::Use> readers;
  ForEachOp(module, [&](Op* op) {
    for (int i = 0; i < op->operand_count(); ++i) {
      if (op->operand(i).global == global) readers.push_back({op, i});
    }
  });
  return readers;
}

}  // namespace lluda::passes
