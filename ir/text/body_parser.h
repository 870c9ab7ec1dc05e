// Parses the statements of a function's body or of the load block.
//
// Every statement's type is inferred and compared with the written one, and names are resolved at
// once; what only shows in the whole module is left to the verifier (ir/check/verifier.h).
#ifndef LLUDA_IR_TEXT_BODY_PARSER_H_
#define LLUDA_IR_TEXT_BODY_PARSER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ir/graph.h"
#include "ir/text/token_stream.h"

namespace lluda::ir {

// The names a module has given so far. The load block adds the globals that it defines.
struct ModuleNames {
  absl::flat_hash_map<std::string, Global*> globals;
  absl::flat_hash_map<std::string, Func*> funcs;
};

class BodyParser {
 public:
  // `func` is nullptr for the load block; its parameters and index are known in the body. `at` is
  // where the function or the block starts.
  BodyParser(TokenStream* tokens, ModuleNames* names, Module* module, Func* func, Position at);

  // From behind the opening brace to behind the closing one. Failures stay in the stream.
  void ParseBlock(Block* block);

 private:
  // The left side of a statement.
  struct Target {
    Position at;
    bool is_global = false;
    std::string name;
    std::string index;
  };

  void ParseStatement(Block* block);
  void ParseTerminator(Block* block);
  void ParseComputation(Block* block, const Target& target);
  void ParseLoadLoop(Block* block);
  void ParseLoop(Op* op, Position at);
  void ParseCallee(Op* op);
  void ParseClause(Op* op);
  void ParseAttrs(Op* op);
  void ParseSuffix(Op* op);
  void ParseOperands(size_t limit, std::vector<Operand>* operands);
  Operand ParseOperand();
  std::vector<std::string> ParseAxisNames();
  Opcode ParseOpcode();
  // Infers the result's type, compares it with the written one and gives the op its result.
  void Finish(Op* op, const Target& target, Position op_at, const Type& written, Position type_at);
  void DefineGlobal(Op* op, const Target& target, const Type& type);
  // Makes the value known; fails when its name is taken.
  void Define(Value* value, Position at);

  TokenStream& tokens_;
  ModuleNames& names_;
  Module* module_;
  Func* func_;
  absl::flat_hash_map<std::string, Value*> visible_;
  // Where each name was defined, also of values that are out of sight again.
  absl::flat_hash_map<std::string, Position> defined_;
  std::vector<std::vector<std::string>> scopes_;  // the names each open block defined
  std::vector<Index> indices_;
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_BODY_PARSER_H_
