#include "passes/place/split_head.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/type/encoding.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Attrs;
using ir::DType;
using ir::Op;
using ir::Opcode;
using ir::Operand;

// A matmul and what hides its smaller elements.
constexpr int kNearMissOps = 2;

constexpr DType kHeadBlocks = DType::kQ8_0;
constexpr DType kRowBlocks = DType::kQ8F32;

// Of docs/numerics.md, "A head read in part".
constexpr int64_t kLongestRow = 1 << 15;  // n
constexpr double kSlack = 1.01;           // covers 1 + g, and what computing the norms rounds
constexpr double kTiny = 0x1p-48;         // covers what is flushed to zero
// What rounding adds for each |h| |w|: 4 g, of which two sums take 2.
double RoundingOf(int64_t n) { return 4 * static_cast<double>(n + 64) * 0x1p-24; }

// The statements that the pass inserts before a matmul. The first error sticks.
class Writer {
 public:
  Writer(const Op* position, absl::string_view by) : position_(position), by_(by) {}

  Operand Add(absl::string_view name, Opcode opcode, std::vector<Operand> operands,
              Attrs attrs = {}) {
    if (!status_.ok()) return {};
    absl::StatusOr<Op*> op =
        InsertOp(position_, name, opcode, std::move(operands), std::move(attrs), by_);
    if (op.ok()) return Operand((*op)->result());
    status_ = op.status();
    return {};
  }
  Operand Over(const std::string& axis, absl::string_view name, Opcode opcode,
               std::vector<Operand> operands) {
    Attrs attrs;
    attrs.axes = {axis};
    return Add(name, opcode, std::move(operands), std::move(attrs));
  }
  Operand Blocks(absl::string_view name, const Operand& x, DType out) {
    Attrs attrs;
    attrs.out = out;
    return Add(name, Opcode::kQuantizeBlocks, {x}, std::move(attrs));
  }
  Operand By(absl::string_view name, Opcode opcode, const Operand& x, double by) {
    Attrs attrs;
    attrs.by = by;
    return Add(name, opcode, {x}, std::move(attrs));
  }

  const absl::Status& status() const { return status_; }

 private:
  const Op* position_;
  absl::string_view by_;
  absl::Status status_;
};

// What a matmul's second operand is a transpose of.
Operand Untransposed(Operand b) {
  while (const Op* producer = Producer(b)) {
    if (producer->opcode() != Opcode::kPermute) break;
    b = producer->operand(0);
  }
  return b;
}

bool IsOfWeight(const Operand& x) {
  if (x.global != nullptr) return x.global->kind == ir::Global::Kind::kWeight;
  const Op* producer = Producer(x);
  return producer != nullptr && producer->opcode() == Opcode::kCast &&
         IsOfWeight(producer->operand(0));
}

// Why the head cannot be read in part; "" if it can.
std::string Explain(const Op& matmul, const Operand& head) {
  const std::string text = OperandText(head);
  if (!IsOfWeight(head)) return absl::StrCat(text, " is no weight");
  if (!ir::IsFloat(head.type().dtype)) return absl::StrCat(text, " is in blocks already");
  if (matmul.attrs.axes.size() != 1 || matmul.operand(0).type().axes.size() != 2 ||
      head.type().axes.size() != 2) {
    return absl::StrCat("'", StatementName(matmul), "' is no product of rows and a matrix");
  }
  const ir::Axis& last = head.type().axes.back();
  if (last.name != matmul.attrs.axes[0] || matmul.operand(0).type().axes.back().name != last.name) {
    return absl::StrCat("the rows of ", text, " do not lie side by side");
  }
  const int64_t block = ir::EncodingOf(kHeadBlocks).elements;
  const bool fits = last.extent.is_constant() && last.extent.value % block == 0 &&
                    last.extent.value <= kLongestRow;
  if (fits) return "";
  return absl::StrCat("rows of ", ir::ToString(last), " are no blocks of ", block, " up to ",
                      kLongestRow);
}

// Puts a matmul that computes some of the logits in the place of `matmul`.
absl::Status Split(Op* matmul, const Operand& h, const Operand& head, const Operand& kept,
                   absl::string_view by) {
  const std::string over = matmul->attrs.axes[0];
  const std::string columns = head.type().axes[0].name;
  Writer w(matmul, by);
  const Operand rows = w.Blocks("hq", h, kRowBlocks);
  const Operand blocks = w.Blocks("wq", head, kHeadBlocks);
  const Operand near = w.Over(over, "near", Opcode::kMatmul, {rows, blocks});
  const Operand h_norm =
      w.By("hn", Opcode::kOffset, w.Over(over, "hn0", Opcode::kL2Norm, {h}), kTiny);
  const Operand h_lost = w.Over(over, "hd", Opcode::kL2Norm, {h, rows});
  const Operand w_norm = w.Over(over, "wn", Opcode::kL2Norm, {head});
  const Operand w_lost = w.Over(over, "wd", Opcode::kL2Norm, {head, blocks});
  const double rounding = RoundingOf(head.type().axes[1].extent.value);
  const Operand lost = w.By("wd1", Opcode::kScale, w_lost, kSlack);
  const Operand rounded = w.By("wn1", Opcode::kScale, w_norm, rounding);
  const Operand of_h =
      w.By("we", Opcode::kOffset, w.Add("we0", Opcode::kAdd, {lost, rounded}), kTiny);
  const Operand of_lost =
      w.By("ws", Opcode::kScale, w.Add("ws0", Opcode::kAdd, {w_norm, w_lost}), kSlack);
  const Operand error = w.Add(
      "e", Opcode::kAdd,
      {w.Add("e0", Opcode::kMul, {h_norm, of_h}), w.Add("e1", Opcode::kMul, {h_lost, of_lost})});
  const Operand low = w.Add("lo", Opcode::kSub, {near, error});
  const Operand high = w.Add("hi", Opcode::kAdd, {near, error});
  const Operand least = w.Over(columns, "least", Opcode::kNthLargest, {low, kept});
  RETURN_IF_ERROR(w.status());
  Attrs attrs = matmul->attrs;
  attrs.epilogue = {ir::EpilogueStep::kKeep};
  return ReplaceOp(matmul, Opcode::kMatmul, {h, matmul->operand(1), high, least}, attrs, by)
      .status();
}

}  // namespace

absl::StatusOr<bool> SplitHead::Run(ir::Module* module) {
  misses_.clear();
  Operand h, b, kept;
  Op *matmul = nullptr, *largest = nullptr;
  const Pattern logits = OpOf(Opcode::kMatmul, {Any().Capture(&h), Any().Capture(&b)})
                             .WithUses(3)
                             .Where(kBeF32, IsF32)
                             .Where(kHaveNoEpilogue, HasNoEpilogue)
                             .Where(kNotReadAState, ReadsNoState)
                             .Capture(&matmul);
  const Pattern limit = OpOf(Opcode::kNthLargest, {logits, Any().Capture(&kept)}).Capture(&largest);
  const Pattern pattern = OpOf(Opcode::kKeep, {logits, logits, limit});
  bool changed = false;
  RewriteEachOp(module, [&](Op* keep) {
    const MatchResult match = Match(pattern, keep);
    std::string why = match.reason;
    if (match) {
      const Operand head = Untransposed(b);
      why = Explain(*matmul, head);
      if (why.empty() && largest->attrs.axes[0] != head.type().axes[0].name) {
        why = ExplainAxes(*largest, {head.type().axes[0].name});
      }
      if (why.empty()) {
        const absl::Status status = Split(matmul, h, head, kept, name());
        changed |= status.ok();
        why = std::string(status.message());
      }
      if (why.empty()) return;
    }
    if (match || match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*keep, why));
  });
  return changed;
}

}  // namespace lluda::passes
