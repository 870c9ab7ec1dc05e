// A small pattern language over ops and what they read.
//
//   ir::Operand x, cos;
//   ir::Op* half = nullptr;
//   const Pattern slice = OpOf(Opcode::kSlice, {Any().Capture(&x)}).Capture(&half);
//   const Pattern product =
//       OpOf(Opcode::kMul, {slice, Any().Capture(&cos)}).Commuted().WithOneUse();
//   const MatchResult match = Match(product, op);
//   if (!match.matched) LOG(INFO) << match.reason;  // "'qt0' has 2 uses, expected 1"
//
// Promises:
// - captures are written only when the whole pattern matched, else they keep their values;
// - one capture used at several places demands the same operand (or op) at each of them;
// - commuted operands are tried in both orders, and an order that fails later is taken back;
// - all ops of a match stand in the block of the root, so that fusing moves nothing into a loop;
// - a failure explains the first condition that failed on the attempt that got furthest.
#ifndef LLUDA_PASSES_FUSE_MATCH_MATCHER_H_
#define LLUDA_PASSES_FUSE_MATCH_MATCHER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace lluda::passes {

struct MatchResult {
  bool matched = false;
  std::string reason;   // why not: "'qlo' is add, expected sub"
  int ops_matched = 0;  // how many ops of the pattern fitted on the attempt that got furthest

  explicit operator bool() const { return matched; }
};

// An immutable description of an operand; the methods return a stricter copy.
class Pattern {
 public:
  // Two-operand ops only: either order will do; the written order is tried first.
  Pattern Commuted() const;
  // The op's result has exactly so many uses.
  Pattern WithUses(int count) const;
  Pattern WithOneUse() const { return WithUses(1); }
  // `must` completes the explanation "'s0' must ...": Where("have no epilogue", ...).
  Pattern Where(std::string must, std::function<bool(const ir::Op&)> holds) const;
  // Where to store what was matched. Not owned; must be alive during Match.
  Pattern Capture(ir::Operand* operand) const;
  Pattern Capture(ir::Op** op) const;

 private:
  friend Pattern Any();
  friend Pattern ResultOf(ir::Opcode opcode);
  friend Pattern OpOf(ir::Opcode opcode, std::vector<Pattern> operands);
  friend class Matching;
  struct Node;

  explicit Pattern(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  Pattern With(const std::function<void(Node*)>& change) const;

  std::shared_ptr<const Node> node_;
};

// Any value or global.
Pattern Any();
// The result of an op of this kind, whatever it reads.
Pattern ResultOf(ir::Opcode opcode);
// The result of an op of this kind with exactly these operands.
Pattern OpOf(ir::Opcode opcode, std::vector<Pattern> operands);

// Matches the pattern against the op itself.
MatchResult Match(const Pattern& pattern, ir::Op* op);

// Explanations of a difference, for conditions that a pattern cannot express; "" when there is
// none: "'s2' acts over 'tok', expected 'pos'".
std::string ExplainAxes(const ir::Op& op, const std::vector<std::string>& expected);
// "'s0' has 2 uses, expected 1".
std::string ExplainUses(const ir::Op& op, int expected);
// "%x", "@wq[layer]": an operand as the IR text spells it.
std::string OperandText(const ir::Operand& operand);

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_MATCH_MATCHER_H_
