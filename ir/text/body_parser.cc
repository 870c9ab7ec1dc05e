#include "ir/text/body_parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ir/infer/infer.h"
#include "ir/rules.h"
#include "ir/text/suggest.h"

namespace lluda::ir {

BodyParser::BodyParser(TokenStream* tokens, ModuleNames* names, Module* module, Func* func,
                       Position at)
    : tokens_(*tokens), names_(*names), module_(module), func_(func), scopes_(1) {
  if (func == nullptr) return;
  if (func->index) indices_.push_back(*func->index);
  for (const auto& param : func->params()) Define(param.get(), at);
}

void BodyParser::Define(Value* value, Position at) {
  const auto [entry, is_new] = defined_.try_emplace(value->name, at);
  if (!is_new) {
    tokens_.Fail(
        at, absl::StrCat("%", value->name, " is already defined in line ", entry->second.line));
    return;
  }
  visible_[value->name] = value;
  scopes_.back().push_back(value->name);
}

void BodyParser::ParseBlock(Block* block) {
  while (tokens_.ok() && !tokens_.IsNext("}")) ParseStatement(block);
  tokens_.Expect("}");
}

void BodyParser::ParseStatement(Block* block) {
  const Token first = tokens_.Peek();
  if (tokens_.IsNext("return") || tokens_.IsNext("yield")) return ParseTerminator(block);
  if (func_ == nullptr && tokens_.IsNext("for")) return ParseLoadLoop(block);
  Target target{first.at, first.kind == TokenKind::kGlobal, std::string(first.text), ""};
  if (first.kind != TokenKind::kValue && !target.is_global) {
    return tokens_.Fail(first.at, absl::StrCat("expected a statement, got ", Describe(first)));
  }
  if (target.is_global && func_ != nullptr) {
    return tokens_.Fail(first.at, "only the load block can define a global");
  }
  tokens_.Take();
  if (target.is_global) target.index = tokens_.TakeIndexUse();
  tokens_.Expect("=");
  if (tokens_.ok()) ParseComputation(block, target);
}

void BodyParser::ParseTerminator(Block* block) {
  const Token word = tokens_.Take();
  Op* op = block->Append(*OpcodeFromName(word.text));
  op->line = word.at.line;
  op->SetOperands({ParseOperand()});
  ParseSuffix(op);
}

Opcode BodyParser::ParseOpcode() {
  const Token word = tokens_.Peek();
  const std::string name = tokens_.TakeText(TokenKind::kWord, "an op");
  const std::optional<Opcode> opcode = OpcodeFromName(name);
  if (opcode && !IsTerminator(*opcode)) return *opcode;
  if (opcode) {
    tokens_.Fail(word.at, absl::StrCat("'", name, "' has no result"));
    return Opcode::kCount;
  }
  std::vector<absl::string_view> known;
  for (const OpInfo& info : AllOps()) known.push_back(info.name);
  const std::string nearest = Nearest(name, known);
  tokens_.Fail(word.at,
               absl::StrCat("unknown op '", name, "'", nearest.empty() ? "" : "; did you mean '",
                            nearest, nearest.empty() ? "" : "'?"));
  return Opcode::kCount;
}

void BodyParser::ParseComputation(Block* block, const Target& target) {
  const Position op_at = tokens_.Peek().at;
  const Opcode opcode = ParseOpcode();
  if (!tokens_.ok()) return;
  Op* op = block->Append(opcode);
  op->line = target.at.line;
  if (opcode == Opcode::kFor) {
    ParseLoop(op, op_at);
  } else {
    const OpInfo& info = Info(opcode);
    if (opcode == Opcode::kCall) ParseCallee(op);
    std::vector<Operand> operands;
    ParseOperands(info.max_operands, &operands);
    if (tokens_.ok() && info.at >= 0 && operands.size() != static_cast<size_t>(info.at)) {
      tokens_.Fail(op_at, absl::StrCat(info.name, ": needs ", info.at,
                                       " operands before `at`, got ", operands.size()));
    }
    ParseClause(op);
    const int before = static_cast<int>(operands.size());
    if (info.at >= 0) tokens_.Expect("at");
    const bool has_at = info.at >= 0 || tokens_.TakeIf("at");
    if (has_at) ParseOperands(info.max_operands, &operands);
    op->SetOperands(std::move(operands));
    ParseAttrs(op);
    if (tokens_.ok() && AtOperand(*op) != (has_at ? before : -1)) {
      tokens_.Fail(op_at, AtOperand(*op) < 0
                              ? absl::StrCat(info.name, ": takes no operands behind `at`")
                              : absl::StrCat(info.name, ": needs ", AtOperand(*op),
                                             " operands before `at`"));
    }
  }
  tokens_.Expect(":");
  const Position type_at = tokens_.Peek().at;
  const Type written = tokens_.TakeType(*module_);
  ParseSuffix(op);
  if (tokens_.ok()) Finish(op, target, op_at, written, type_at);
}

void BodyParser::Finish(Op* op, const Target& target, Position op_at, const Type& written,
                        Position type_at) {
  if (absl::Status s = CheckOpForm(*op, *module_); !s.ok()) return tokens_.Require(op_at, s);
  const absl::StatusOr<Type> inferred = InferType(*op);
  if (!inferred.ok()) return tokens_.Require(op_at, inferred.status());
  if (*inferred != written) {
    return tokens_.Fail(type_at,
                        absl::StrCat(op->name(), ": the type is written as '", ToString(written),
                                     "' but inferred as '", ToString(*inferred), "'"));
  }
  if (target.is_global) return DefineGlobal(op, target, written);
  Define(op->SetResult(target.name, written), target.at);
}

namespace {

// A loaded global's rows may be defined by several loops, of which each goes on where the one
// before has ended.
bool GoesOn(const Op& op, const Type& type, const Global& global) {
  const Op* loop = op.parent()->loop();
  return global.kind == Global::Kind::kLoaded && loop != nullptr && global.index &&
         loop->loop_index == global.index->name && loop->attrs.begin == global.index->count &&
         type == global.type;
}

}  // namespace

void BodyParser::DefineGlobal(Op* op, const Target& target, const Type& type) {
  const std::string what = absl::StrCat("@", target.name);
  tokens_.Require(target.at, CheckDefinition(what, target.index, indices_));
  const auto known = names_.globals.find(target.name);
  if (known != names_.globals.end() && GoesOn(*op, type, *known->second)) {
    known->second->index->count = op->parent()->loop()->attrs.end;
    op->defined_index = target.index;
    op->defined_global = known->second;
    return;
  }
  Global global;
  global.kind = Global::Kind::kLoaded;
  global.name = target.name;
  if (!target.index.empty() && !indices_.empty()) global.index = indices_.back();
  global.type = type;
  op->defined_index = target.index;
  op->defined_global = module_->AddGlobal(std::move(global));
  if (!names_.globals.try_emplace(target.name, op->defined_global).second) {
    tokens_.Fail(target.at, absl::StrCat(what, " is already declared"));
  }
}

void BodyParser::ParseCallee(Op* op) {
  const Position at = tokens_.Peek().at;
  const std::string name = tokens_.TakeText(TokenKind::kGlobal, "the function to call");
  op->callee_index = tokens_.TakeIndexUse();
  if (!tokens_.ok()) return;
  const auto callee = names_.funcs.find(name);
  if (callee == names_.funcs.end()) {
    return tokens_.Fail(at, absl::StrCat("unknown function @", name));
  }
  op->callee = callee->second;
  tokens_.Require(
      at, CheckIndex(absl::StrCat("@", name), op->callee->index, op->callee_index, indices_));
}

void BodyParser::ParseOperands(size_t limit, std::vector<Operand>* operands) {
  while (tokens_.Peek().kind == TokenKind::kValue || tokens_.Peek().kind == TokenKind::kGlobal) {
    if (operands->size() == limit) {
      return tokens_.Fail(tokens_.Peek().at, absl::StrCat("at most ", limit, " operands fit here"));
    }
    operands->push_back(ParseOperand());
  }
}

Operand BodyParser::ParseOperand() {
  const Token token = tokens_.Take();
  const std::string name(token.text);
  if (token.kind == TokenKind::kValue) {
    if (const auto value = visible_.find(name); value != visible_.end()) return value->second;
    const auto elsewhere = defined_.find(name);
    if (elsewhere == defined_.end()) {
      tokens_.Fail(token.at, absl::StrCat("unknown value %", name));
    } else {
      tokens_.Fail(token.at, absl::StrCat("%", name, " is not visible here: it is defined in the ",
                                          "loop around line ", elsewhere->second.line));
    }
    return {};
  }
  if (token.kind != TokenKind::kGlobal) {
    tokens_.Fail(token.at, absl::StrCat("expected a value, got ", Describe(token)));
    return {};
  }
  const auto global = names_.globals.find(name);
  if (global == names_.globals.end()) {
    tokens_.Fail(token.at, absl::StrCat("unknown global @", name));
    return {};
  }
  const std::string index = tokens_.TakeIndexUse();
  tokens_.Require(token.at,
                  CheckIndex(absl::StrCat("@", name), global->second->index, index, indices_));
  return Operand(global->second, index);
}

std::vector<std::string> BodyParser::ParseAxisNames() {
  std::vector<std::string> names;
  while (tokens_.Peek().kind == TokenKind::kWord && IsPlainName(tokens_.Peek().text)) {
    if (names.size() == 4 * kMaxAxes) {
      tokens_.Fail(tokens_.Peek().at, "too many axes");
      break;
    }
    names.emplace_back(tokens_.Take().text);
  }
  return names;
}

void BodyParser::ParseClause(Op* op) {
  Attrs& attrs = op->attrs;
  const auto arrow = [&] { attrs.result_axes = tokens_.TakeAxes(*module_); };
  switch (Info(op->opcode()).clause) {
    case Clause::kNone:
    case Clause::kLoop:
      return;
    case Clause::kOver:
      tokens_.Expect("over");
      attrs.axes = ParseAxisNames();
      if (tokens_.TakeIf("->")) arrow();
      return;
    case Clause::kTo:
      tokens_.Expect("to");
      attrs.axes = ParseAxisNames();
      return;
    case Clause::kArrow:
      attrs.axes = ParseAxisNames();
      tokens_.Expect("->");
      arrow();
      return;
    case Clause::kRange:
      attrs.axes = {tokens_.TakeName("the name of an axis")};
      tokens_.TakeRange(&attrs.begin, &attrs.end);
      tokens_.Expect("as");
      arrow();
      return;
    case Clause::kPackArrow:
      attrs.axes = ParseAxisNames();
      if (!attrs.axes.empty()) {
        tokens_.Expect("->");
        arrow();
      }
      tokens_.Expect("over");
      attrs.axes.push_back(tokens_.TakeName("the name of an axis"));
      return;
  }
}

void BodyParser::ParseAttrs(Op* op) {
  if (!tokens_.TakeIf("{")) return;
  do {
    const Token name = tokens_.Peek();
    const std::string text = tokens_.TakeText(TokenKind::kWord, "an attribute");
    if (!tokens_.ok()) return;
    const std::optional<AttrKey> key = AttrKeyFromName(text);
    if (!key || (Info(op->opcode()).keys & KeyBit(*key)) == 0) {
      return tokens_.Fail(name.at, absl::StrCat(op->name(), ": has no attribute '", text, "'"));
    }
    if (op->attrs.IsSet(*key)) {
      return tokens_.Fail(name.at, absl::StrCat("attribute '", text, "' is given twice"));
    }
    tokens_.Expect("=");
    const Token value = tokens_.Take();
    const bool is_value = value.kind == TokenKind::kWord || value.kind == TokenKind::kNumber;
    std::string words(value.text);
    while (is_value && TakesSeveralWords(*key) && tokens_.Peek().kind == value.kind) {
      absl::StrAppend(&words, " ", tokens_.Take().text);
    }
    if (!tokens_.ok()) return;
    if (!is_value || !SetAttrFromText(*key, words, &op->attrs)) {
      const std::string what =
          words == value.text ? Describe(value) : absl::StrCat("'", words, "'");
      return tokens_.Fail(value.at, absl::StrCat(what, " is no value for '", text, "'"));
    }
  } while (tokens_.TakeIf(","));
  tokens_.Expect("}");
}

void BodyParser::ParseSuffix(Op* op) {
  if (tokens_.TakeIf("in")) op->frame_offset = tokens_.TakeInt("an offset in bytes");
  if (tokens_.TakeIf("by")) op->by = tokens_.TakeText(TokenKind::kWord, "the name of a pass");
}

void BodyParser::ParseLoadLoop(Block* block) {
  const Position at = tokens_.Take().at;
  Op* op = block->Append(Opcode::kFor);
  op->line = at.line;
  ParseLoop(op, at);
  ParseSuffix(op);
  if (tokens_.ok()) tokens_.Require(at, CheckOpForm(*op, *module_));
}

void BodyParser::ParseLoop(Op* op, Position at) {
  if (indices_.size() == kMaxLoopDepth) return tokens_.Fail(at, "loops are nested too deep");
  const Position index_at = tokens_.Peek().at;
  op->loop_index = tokens_.TakeName("the name of an index");
  tokens_.Expect("in");
  tokens_.TakeRange(&op->attrs.begin, &op->attrs.end);
  if (!tokens_.ok()) return;
  const Index index{op->loop_index, op->attrs.end};
  tokens_.Require(index_at, CheckIndexDeclaration(index));
  for (const Index& outer : indices_) {
    if (outer.name == index.name) {
      tokens_.Fail(index_at, absl::StrCat("index '", index.name, "' is already in use here"));
    }
  }
  scopes_.emplace_back();
  if (func_ != nullptr) {
    tokens_.Expect("carry");
    const Position carried_at = tokens_.Peek().at;
    std::string carried = tokens_.TakeText(TokenKind::kValue, "the carried value");
    tokens_.Expect("=");
    const Operand initial = ParseOperand();
    if (!tokens_.ok()) return;
    op->SetOperands({initial});
    op->carried = std::make_unique<Value>(std::move(carried), initial.type(), nullptr);
    Define(op->carried.get(), carried_at);
  }
  tokens_.Expect("{");
  op->body = std::make_unique<Block>(module_, func_, op);
  indices_.push_back(index);
  ParseBlock(op->body.get());
  indices_.pop_back();
  for (const std::string& name : scopes_.back()) visible_.erase(name);
  scopes_.pop_back();
}

}  // namespace lluda::ir
