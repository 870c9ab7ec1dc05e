#include "passes/fuse/match/matcher.h"

#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "glog/logging.h"

namespace lluda::passes {

using ir::Op;
using ir::Opcode;
using ir::Operand;

struct Pattern::Node {
  struct Condition {
    std::string must;
    std::function<bool(const Op&)> holds;
  };

  std::optional<Opcode> opcode;  // none: anything
  bool any_operands = false;
  std::vector<Pattern> operands;
  bool commuted = false;
  std::optional<int> uses;
  std::vector<Condition> conditions;
  Operand* operand_capture = nullptr;
  Op** op_capture = nullptr;
};

Pattern Pattern::With(const std::function<void(Node*)>& change) const {
  auto node = std::make_shared<Node>(*node_);
  change(node.get());
  return Pattern(std::move(node));
}

Pattern Pattern::Commuted() const {
  CHECK_EQ(node_->operands.size(), 2u) << "only two operands commute";
  return With([](Node* node) { node->commuted = true; });
}

Pattern Pattern::WithUses(int count) const {
  CHECK(node_->opcode) << "uses are counted for an op's result";
  return With([&](Node* node) { node->uses = count; });
}

Pattern Pattern::Where(std::string must, std::function<bool(const Op&)> holds) const {
  CHECK(node_->opcode) << "conditions are about ops";
  return With([&](Node* node) { node->conditions.push_back({std::move(must), std::move(holds)}); });
}

Pattern Pattern::Capture(Operand* operand) const {
  return With([&](Node* node) { node->operand_capture = operand; });
}

Pattern Pattern::Capture(Op** op) const {
  CHECK(node_->opcode) << "only an op can be captured as one";
  return With([&](Node* node) { node->op_capture = op; });
}

Pattern Any() { return Pattern(std::make_shared<Pattern::Node>()); }

Pattern ResultOf(Opcode opcode) {
  auto node = std::make_shared<Pattern::Node>();
  node->opcode = opcode;
  node->any_operands = true;
  return Pattern(std::move(node));
}

Pattern OpOf(Opcode opcode, std::vector<Pattern> operands) {
  auto node = std::make_shared<Pattern::Node>();
  node->opcode = opcode;
  node->operands = std::move(operands);
  return Pattern(std::move(node));
}

namespace {

std::string Quoted(const Op& op) {
  return op.result() != nullptr ? absl::StrCat("'", op.result()->name, "'")
                                : absl::StrCat("the ", op.name());
}

std::string Counted(int count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

}  // namespace

// One call of Match. The search is depth first in continuation-passing style: a step that fits
// calls `next` for the rest of the pattern and undoes itself when the rest fails, so that a choice
// of operand order made early is revised by a conflict found late.
class Matching {
 public:
  using Next = absl::FunctionRef<bool()>;

  MatchResult Run(const Pattern& pattern, Op* root) {
    CHECK(pattern.node_->opcode) << "a pattern's root must be an op";
    block_ = root->parent();
    MatchResult result;
    result.matched = MatchOp(*pattern.node_, root, [&] {
      for (const auto& [to, operand] : operands_) *to = operand;
      for (const auto& [to, op] : ops_) *to = op;
      return true;
    });
    if (!result.matched) result.reason = furthest_reason_;
    result.ops_matched = furthest_ops_;
    return result;
  }

 private:
  using Node = Pattern::Node;

  bool MatchOperand(const Node& node, const Op& user, int i, Next next) {
    const Operand& operand = user.operand(i);
    const auto where = [&] {
      return absl::StrCat("operand ", i, " of ", Quoted(user), " is ", OperandText(operand));
    };
    if (node.operand_capture != nullptr) {
      for (const auto& captured : operands_) {
        if (captured.first != node.operand_capture || captured.second == operand) continue;
        return Fail(
            [&] { return absl::StrCat(where(), ", expected ", OperandText(captured.second)); });
      }
      operands_.emplace_back(node.operand_capture, operand);
    }
    const bool matched = Step([&] {
      if (!node.opcode) return next();
      Op* def = operand.value != nullptr ? operand.value->def() : nullptr;
      if (def == nullptr) {
        return Fail([&] {
          return absl::StrCat(where(), ", expected the result of ", Info(*node.opcode).name);
        });
      }
      return MatchOp(node, def, next);
    });
    if (!matched && node.operand_capture != nullptr) operands_.pop_back();
    return matched;
  }

  bool MatchOp(const Node& node, Op* op, Next next) {
    if (op->opcode() != *node.opcode) {
      return Fail([&] {
        return absl::StrCat(Quoted(*op), " is ", op->name(), ", expected ",
                            Info(*node.opcode).name);
      });
    }
    if (op->parent() != block_) {
      return Fail([&] { return absl::StrCat(Quoted(*op), " stands in another block"); });
    }
    const int arity = static_cast<int>(node.operands.size());
    ++matched_ops_;
    bool matched = Step([&] {
      if (!node.any_operands && op->operand_count() != arity) {
        return Fail([&] {
          return absl::StrCat(Quoted(*op), " has ", Counted(op->operand_count(), "operand"),
                              ", expected ", arity);
        });
      }
      const auto rest = [&] { return MatchConditions(node, *op, next); };
      return BindOp(node, op, [&] {
        if (node.any_operands) return rest();
        return MatchOperands(node, *op, 0, /*swapped=*/false, rest) ||
               (node.commuted && MatchOperands(node, *op, 0, /*swapped=*/true, rest));
      });
    });
    --matched_ops_;
    return matched;
  }

  // Checked after the operands, so that what is reported as failing here is a near miss indeed.
  bool MatchConditions(const Node& node, const Op& op, Next next) {
    if (node.uses) {
      if (std::string why = ExplainUses(op, *node.uses); !why.empty()) {
        return Fail([&] { return why; });
      }
    }
    for (const Node::Condition& condition : node.conditions) {
      if (condition.holds(op)) continue;
      return Fail([&] { return absl::StrCat(Quoted(op), " must ", condition.must); });
    }
    return next();
  }

  bool BindOp(const Node& node, Op* op, Next next) {
    if (node.op_capture == nullptr) return next();
    for (const auto& [to, bound] : ops_) {
      if (to != node.op_capture || bound == op) continue;
      return Fail([&, other = bound] {
        return absl::StrCat(Quoted(*op), " stands where ", Quoted(*other), " is expected");
      });
    }
    ops_.emplace_back(node.op_capture, op);
    if (next()) return true;
    ops_.pop_back();
    return false;
  }

  bool MatchOperands(const Node& node, const Op& op, int i, bool swapped, Next next) {
    if (i == op.operand_count()) return next();
    const int actual = swapped ? 1 - i : i;
    return MatchOperand(*node.operands[i].node_, op, actual,
                        [&] { return MatchOperands(node, op, i + 1, swapped, next); });
  }

  // Counts a condition that held while the rest of the pattern is tried.
  bool Step(Next next) {
    ++progress_;
    const bool matched = next();
    --progress_;
    return matched;
  }

  bool Fail(absl::FunctionRef<std::string()> reason) {
    if (progress_ > furthest_) {
      furthest_ = progress_;
      furthest_ops_ = matched_ops_;
      furthest_reason_ = reason();
    }
    return false;
  }

  const ir::Block* block_ = nullptr;
  std::vector<std::pair<Operand*, Operand>> operands_;
  std::vector<std::pair<Op**, Op*>> ops_;
  int progress_ = 0;
  int matched_ops_ = 0;
  int furthest_ = -1;
  int furthest_ops_ = 0;
  std::string furthest_reason_;
};

MatchResult Match(const Pattern& pattern, Op* op) { return Matching().Run(pattern, op); }

std::string ExplainAxes(const Op& op, const std::vector<std::string>& expected) {
  if (op.attrs.axes == expected) return "";
  return absl::StrCat(Quoted(op), " acts over '", absl::StrJoin(op.attrs.axes, " "),
                      "', expected '", absl::StrJoin(expected, " "), "'");
}

std::string ExplainUses(const Op& op, int expected) {
  const int uses = static_cast<int>(op.result()->uses().size());
  if (uses == expected) return "";
  return absl::StrCat(Quoted(op), " has ", Counted(uses, "use"), ", expected ", expected);
}

std::string OperandText(const Operand& operand) {
  if (operand.value != nullptr) return absl::StrCat("%", operand.value->name);
  if (operand.index.empty()) return absl::StrCat("@", operand.global->name);
  return absl::StrCat("@", operand.global->name, "[", operand.index, "]");
}

}  // namespace lluda::passes
