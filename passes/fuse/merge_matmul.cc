#include "passes/fuse/merge_matmul.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "ir/rules.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Axis;
using ir::Block;
using ir::Extent;
using ir::Global;
using ir::Op;
using ir::Opcode;
using ir::Operand;
using ir::Type;

// Joined names are cut to this length, which leaves room for a number.
constexpr size_t kLongestHint = 64;

// How often the ops of a module read each global.
using ReadCounts = std::map<const Global*, int>;

ReadCounts CountReads(const ir::Module& module) {
  ReadCounts counts;
  ForEachOp(module, [&](const Op* op) {
    for (const Operand& operand : op->operands()) {
      if (operand.global != nullptr) ++counts[operand.global];
    }
  });
  return counts;
}

// What a matmul's second operand is made of.
struct WeightSource {
  bool only_weights = true;
  bool read_once = true;
  std::set<std::string> indexes;  // of the weights' rows: {"layer"}
};

void Trace(const Operand& operand, const ReadCounts& reads, WeightSource* source) {
  if (operand.global != nullptr) {
    source->only_weights &= operand.global->kind != Global::Kind::kState;
    source->read_once &= reads.at(operand.global) == 1;
    source->indexes.insert(operand.index);
    return;
  }
  const Op* def = operand.value->def();
  if (def == nullptr || def->operands().empty() || HasEffect(*def) || def->body != nullptr ||
      def->callee != nullptr) {
    source->only_weights = false;
    return;
  }
  source->read_once &= operand.value->HasOneUse();
  for (const Operand& from : def->operands()) Trace(from, reads, source);
}

bool ChoosesExperts(const Op& op) { return op.opcode() == Opcode::kExpertMatmul; }

// A matmul, of experts or not, that may take part.
struct Sibling {
  Op* op = nullptr;
  int columns = 0;  // index of the weight's axis of columns
  std::set<std::string> indexes;
  const Op* partner = nullptr;  // the other factor of a gated product: it is merged with that alone
  std::string obstacle;         // why it stays alone; "" when it may be merged

  const std::string& over() const { return op->attrs.axes[0]; }
  const Operand& weight() const { return op->operand(1); }
  const Axis& axis() const { return weight().type().axes[columns]; }
};

std::string FindObstacle(const Sibling& sibling, const WeightSource& source) {
  const Op& op = *sibling.op;
  const std::string statement = absl::StrCat("'", StatementName(op), "'");
  const std::string weight = OperandText(sibling.weight());
  const Type& type = sibling.weight().type();
  if (!HasNoEpilogue(op)) return absl::StrCat(statement, " has an epilogue");
  if (!source.only_weights) {
    return absl::StrCat(weight, " in ", statement, " is not made of weights only");
  }
  if (!source.read_once) return absl::StrCat(weight, " in ", statement, " is used elsewhere too");
  if (type.layout.is_panel()) return absl::StrCat(weight, " in ", statement, " is packed already");
  const size_t axes = ChoosesExperts(op) ? 3 : 2;
  const bool one_axis =
      type.axes.size() == axes && !op.operand(0).type().HasAxis(sibling.axis().name);
  if (!one_axis || !sibling.axis().extent.is_constant() ||
      !type.GetAxis(sibling.over())->extent.is_constant()) {
    return absl::StrCat(weight, " in ", statement,
                        " does not have one axis of columns of constant length");
  }
  return "";
}

const Op* OnlyReader(const Op* op) {
  return op->result() != nullptr && op->result()->HasOneUse() ? op->result()->uses()[0].op
                                                              : nullptr;
}

bool IsGate(const Op* op) {
  return op != nullptr && (op->opcode() == Opcode::kSilu || op->opcode() == Opcode::kGelu);
}

// Of silu(a) * b, with matmuls a and b of the same input: b of a, and a of b. Else null.
const Op* PartnerOf(const Op& op) {
  const Op* reader = OnlyReader(&op);
  const bool is_gate = IsGate(reader);
  const Op* product = is_gate ? OnlyReader(reader) : reader;
  if (product == nullptr || product->opcode() != Opcode::kMul) return nullptr;
  const Op* own = is_gate ? reader : &op;
  const Op* other = nullptr;
  for (const Operand& factor : product->operands()) {
    if (Producer(factor) != own) other = Producer(factor);
  }
  if (other == nullptr || is_gate == IsGate(other)) return nullptr;
  if (!is_gate) other = Producer(other->operand(0));
  const bool same_input = other != nullptr && other->opcode() == op.opcode() &&
                          other->operand(0) == op.operand(0) && OnlyReader(other) != nullptr;
  return same_input ? other : nullptr;
}

// Whether all that reads it is the sum with a vector of its columns, which fuse-epilogue makes a part of
// the matmul. A slice of a merged one would leave the sum a pass over memory.
bool GetsBias(const Op& op) {
  const Op* sum = op.opcode() == Opcode::kMatmul ? OnlyReader(&op) : nullptr;
  if (sum == nullptr || sum->opcode() != Opcode::kAdd) return false;
  const Operand& added = sum->operand(Producer(sum->operand(0)) == &op ? 1 : 0);
  return added.type() == Type{ir::DType::kF32, ColumnsOf(op), {}} &&
         added.type() != op.result_type();
}

Sibling MakeSibling(Op* op, const ReadCounts& reads) {
  Sibling sibling;
  sibling.op = op;
  const std::vector<Axis>& axes = sibling.weight().type().axes;
  const auto columns = std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) {
    return axis.name != sibling.over() && !(ChoosesExperts(*op) && axis.name == op->attrs.axes[1]);
  });
  if (columns != axes.end()) sibling.columns = static_cast<int>(columns - axes.begin());
  WeightSource source;
  Trace(sibling.weight(), reads, &source);
  sibling.obstacle = FindObstacle(sibling, source);
  sibling.indexes = std::move(source.indexes);
  sibling.partner = PartnerOf(*op);
  return sibling;
}

// They read the same, but for their weights. The factors of a gated product are halves of one matmul,
// which fuse-epilogue looks for, and nothing else may be a part of that.
bool AreSiblings(const Sibling& a, const Sibling& b) {
  const auto same = [&](int operand) { return a.op->operand(operand) == b.op->operand(operand); };
  if (a.op->opcode() != b.op->opcode() || !same(0) || a.over() != b.over()) return false;
  if (a.partner != nullptr || b.partner != nullptr) {
    return a.partner == b.op && b.partner == a.op;
  }
  return !ChoosesExperts(*a.op) || (same(2) && same(3) && a.op->attrs.axes == b.op->attrs.axes);
}

// True when `op` stands after `position` in the block of `position`.
bool StandsAfter(const Op* op, const Op* position) {
  bool seen = false;
  for (const auto& other : position->parent()->ops()) {
    if (seen && other.get() == op) return true;
    seen |= other.get() == position;
  }
  return false;
}

// Why the two cannot become parts of one matmul; "" when they can.
std::string ExplainDifference(const Sibling& first, const Sibling& other) {
  for (const Sibling* sibling : {&first, &other}) {
    if (!sibling->obstacle.empty()) return sibling->obstacle;
  }
  const std::string statements = absl::StrCat("'", StatementName(*first.op), "' and '",
                                              StatementName(*other.op), "' differ in ");
  if (first.weight().type().dtype != other.weight().type().dtype) {
    return absl::StrCat(statements, "their weights' element type");
  }
  if (first.op->result_type().dtype != other.op->result_type().dtype) {
    return absl::StrCat(statements, "their result's element type");
  }
  if (first.columns != other.columns) {
    return absl::StrCat(statements, "the order of their weights' axes");
  }
  if (first.indexes != other.indexes) {
    return absl::StrCat(statements, "the index of their weights");
  }
  if (other.weight().value != nullptr && StandsAfter(other.weight().value->def(), first.op)) {
    return absl::StrCat(OperandText(other.weight()), " is not there yet at '",
                        StatementName(*first.op), "'");
  }
  return "";
}

std::string JoinedAxisName(const std::vector<Sibling>& group) {
  const std::string& first = group[0].axis().name;
  std::string initials;
  bool all_equal = true;
  for (const Sibling& sibling : group) {
    initials += sibling.axis().name[0];
    all_equal &= sibling.axis().name == first;
  }
  const std::string hint =
      (all_equal ? absl::StrCat(first, group.size()) : initials).substr(0, kLongestHint);
  std::string candidate = hint;
  const auto taken = [&] {
    return !ir::IsPlainName(candidate) || group[0].op->operand(0).type().HasAxis(candidate) ||
           std::any_of(group.begin(), group.end(), [&](const Sibling& sibling) {
             return sibling.weight().type().HasAxis(candidate);
           });
  };
  for (int i = 1; taken(); ++i) candidate = absl::StrCat(hint, "_", i);
  return candidate;
}

std::string JoinedWeightName(const std::vector<Sibling>& group) {
  std::vector<absl::string_view> names;
  for (const Sibling& sibling : group) {
    const Operand& weight = sibling.weight();
    names.push_back(weight.value != nullptr ? weight.value->name : weight.global->name);
  }
  const auto all_have = [&](size_t i) {
    return std::all_of(names.begin(), names.end(), [&](absl::string_view name) {
      return i < name.size() && name[i] == names[0][i];
    });
  };
  size_t prefix = 0;
  while (all_have(prefix)) ++prefix;
  std::string joined = prefix == 0 ? absl::StrJoin(names, "_") : std::string();
  if (prefix > 0) {
    absl::StrAppend(&joined, names[0].substr(0, prefix));
    for (absl::string_view name : names) absl::StrAppend(&joined, name.substr(prefix));
  }
  return joined.substr(0, kLongestHint);
}

// Why one matmul cannot stand for the whole group, whatever its members are; "" when it can.
std::string GroupObstacle(const std::vector<Sibling>& group) {
  const int most = Info(Opcode::kConcat).max_operands;
  if (static_cast<int>(group.size()) > most) {
    return absl::StrCat(group.size(), " matmuls are more than the ", most, " that concat joins");
  }
  int64_t elements = 0;  // each weight has at most kMaxElements, so the sum cannot overflow
  for (const Sibling& sibling : group) {
    elements += ElementCount(sibling.weight().type(), nullptr);
  }
  if (elements > ir::kMaxElements) {
    return absl::StrCat("the joined weight would have ", elements, " elements");
  }
  return "";
}

absl::Status Merge(const std::vector<Sibling>& group, absl::string_view by) {
  const Op* first = group[0].op;
  ir::Attrs join;
  std::vector<Operand> weights;
  std::vector<Axis> columns;
  int64_t total = 0;
  for (const Sibling& sibling : group) {
    weights.push_back(sibling.weight());
    columns.push_back(sibling.axis());
    join.axes.push_back(sibling.axis().name);
    total += sibling.axis().extent.value;
  }
  if (std::set<std::string>(join.axes.begin(), join.axes.end()).size() == 1) join.axes.resize(1);
  const std::string axis = JoinedAxisName(group);
  join.result_axes = {{axis, Extent::Constant(total)}};
  ASSIGN_OR_RETURN(const auto weight,
                   InsertOp(first, JoinedWeightName(group), Opcode::kConcat, weights, join, by));
  std::vector<Operand> operands = first->operands();
  operands[1] = weight->result();
  ASSIGN_OR_RETURN(const auto merged,
                   InsertOp(first, axis, first->opcode(), std::move(operands), first->attrs, by));
  int64_t begin = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    ir::Attrs slice;
    slice.axes = {axis};
    slice.begin = begin;
    slice.end = begin + columns[i].extent.value;
    begin = slice.end;
    slice.result_axes = {columns[i]};
    RETURN_IF_ERROR(ReplaceOp(group[i].op, Opcode::kSlice, {merged->result()}, slice, by));
  }
  return absl::OkStatus();
}

// A sibling and what kept it from the first matmul that it could not join.
struct Refusal {
  const Op* op = nullptr;
  std::string reason;
};

// Takes the first matmul of `rest` and those that can be merged with it out of `rest`.
std::vector<Sibling> TakeGroup(std::vector<Sibling>* rest, std::vector<Refusal>* refusals) {
  std::vector<Sibling> group = {rest->front()};
  std::vector<Sibling> others;
  for (size_t i = 1; i < rest->size(); ++i) {
    const Sibling& other = (*rest)[i];
    if (!AreSiblings(group[0], other)) {
      others.push_back(other);
    } else if (std::string why = ExplainDifference(group[0], other); !why.empty()) {
      refusals->push_back({other.op, std::move(why)});
      others.push_back(other);
    } else {
      group.push_back(other);
    }
  }
  *rest = std::move(others);
  return group;
}

void CollectBlocks(Block* block, std::vector<Block*>* blocks) {
  blocks->push_back(block);
  for (const auto& op : block->ops()) {
    if (op->body != nullptr) CollectBlocks(op->body.get(), blocks);
  }
}

}  // namespace

absl::StatusOr<bool> MergeMatmul::Run(ir::Module* module) {
  misses_.clear();
  const ReadCounts reads = CountReads(*module);
  std::vector<Block*> blocks;
  for (const auto& func : module->funcs()) CollectBlocks(&func->body, &blocks);
  bool changed = false;
  for (Block* block : blocks) {
    std::vector<Sibling> rest;
    for (const auto& op : block->ops()) {
      const bool per_head = op->attrs.epilogue.per_head();
      const bool may_merge = op->opcode() == Opcode::kMatmul || ChoosesExperts(*op);
      if (may_merge && !per_head && !GetsBias(*op)) {
        rest.push_back(MakeSibling(op.get(), reads));
      }
    }
    while (!rest.empty()) {
      std::vector<Refusal> refusals;
      const std::vector<Sibling> group = TakeGroup(&rest, &refusals);
      for (Refusal& refusal : refusals) {
        misses_.push_back(MissAt(*refusal.op, std::move(refusal.reason)));
      }
      if (group.size() < 2) continue;
      if (std::string why = GroupObstacle(group); !why.empty()) {
        misses_.push_back(MissAt(*group[0].op, std::move(why)));
        continue;
      }
      RETURN_IF_ERROR(Merge(group, name()));
      changed = true;
    }
  }
  return changed;
}

}  // namespace lluda::passes
