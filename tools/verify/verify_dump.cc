#include "tools/verify/verify_dump.h"

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/framework/rewrite.h"
#include "passes/pipeline.h"
#include "tools/inspect/pass_history.h"

namespace lluda::tools {
namespace {

using StatementMap = std::map<std::string, const ir::Op*>;

bool HasResult(const ir::Op& op) { return op.result() != nullptr || op.defined_global != nullptr; }

// How often loops of functions run, taken together, the rounds that peel-last-layer took out of them
// included: behind loops no other layer is called by its number.
int64_t LoopRuns(const ir::Module& module) {
  int64_t runs = 0;
  for (const auto& func : module.funcs()) {
    bool is_peeled = false, has_others = false;
    ir::ForEachOp(func->body, [&](const ir::Op* op) {
      if (op->opcode() == ir::Opcode::kFor) runs += op->attrs.end - op->attrs.begin;
      if (op->callee == nullptr || !ir::ConstantIndex(op->callee_index)) return;
      (CallsForRows(*op) ? is_peeled : has_others) = true;
    });
    if (is_peeled && !has_others) ++runs;
  }
  return runs;
}

// The first loop of a function, for messages.
std::string LoopPlace(const ir::Module& module) {
  const ir::Op* loop = nullptr;
  for (const auto& func : module.funcs()) {
    ir::ForEachOp(func->body, [&](const ir::Op* op) {
      if (loop == nullptr && op->opcode() == ir::Opcode::kFor) loop = op;
    });
  }
  return loop == nullptr ? module.file : ir::PlaceOf(*loop);
}

absl::Status CheckLayers(const ir::Module& dump, const ir::Module& import) {
  if (LayersOf(dump) != LayersOf(import)) {
    return absl::InvalidArgumentError(absl::StrCat(dump.file, ": has ", LayersOf(dump),
                                                   " layers, the model has ", LayersOf(import)));
  }
  if (LoopRuns(dump) == LoopRuns(import)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      LoopPlace(dump), ": ", LoopRuns(dump), " layers are run, the model has ", LoopRuns(import)));
}

// A statement without its place in memory and the pass that made it.
std::string StatementText(const ir::Op& op) {
  const std::string text = ir::PrintOp(op);
  absl::string_view rest = text;
  if (!op.by.empty()) absl::ConsumeSuffix(&rest, absl::StrCat(" by ", op.by));
  if (op.frame_offset) absl::ConsumeSuffix(&rest, absl::StrCat(" in ", *op.frame_offset));
  return std::string(rest);
}

// What the passes that the dump has gone through make of the import; null if they cannot be run on
// it, which says nothing about the dump.
std::unique_ptr<ir::Module> PassedLike(const ir::Module& dump, const ir::Module& import) {
  absl::StatusOr<std::unique_ptr<ir::Module>> module =
      ir::ParseModule(ir::PrintModule(import), "import");
  absl::StatusOr<passes::Pipeline> pipeline = passes::Pipeline::Create(dump.passes, {});
  if (!module.ok() || !pipeline.ok() || !pipeline->Run(module->get()).ok()) return nullptr;
  return *std::move(module);
}

// How many statements of the dump are those that its passes make of the import.
int64_t Likeness(const ir::Module& dump, const ir::Module& import) {
  const std::unique_ptr<ir::Module> passed = PassedLike(dump, import);
  const StatementMap statements = StatementsByName(passed == nullptr ? import : *passed);
  int64_t alike = 0;
  for (const auto& [name, op] : StatementsByName(dump)) {
    const auto it = statements.find(name);
    if (it != statements.end() && StatementText(*it->second) == StatementText(*op)) ++alike;
  }
  return alike;
}

struct Departure {
  ValueKey key;
  const ir::Op* op = nullptr;
  double error = 0;
  std::string difference;
};

class DumpVerifier {
 public:
  // `passed` as PassedLike says.
  DumpVerifier(const ir::Module& dump, const ir::Module* passed, const VerifyRun& run)
      : dump_(dump), run_(run) {
    ir::ForEachOp(dump, [&](const ir::Op* op) {
      if (HasResult(*op)) names_.insert(NameOf(*op));
    });
    if (passed == nullptr) return;
    ir::ForEachOp(*passed, [&](const ir::Op* op) {
      if (HasResult(*op)) types_[NameOf(*op)] = op->result_type().dtype;
    });
  }

  // The values of `module` whose name the dump has; of those that are known already, nothing.
  absl::Status Expect(const ir::Module& module) {
    absl::StatusOr<std::vector<ir::Tensor>> logits =
        Interpret(module, run_, [&](const ValueKey& key, const ir::Op&, const ir::Tensor& result) {
          if (names_.count(NameOf(key)) > 0) expected_.emplace(key, result);
          return absl::OkStatus();
        });
    if (!logits.ok()) return logits.status();
    if (logits_.empty()) logits_ = *std::move(logits);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Departure>> Run() const {
    std::optional<Departure> departure;
    absl::StatusOr<std::vector<ir::Tensor>> logits = Interpret(
        dump_, run_,
        [&](const ValueKey& key, const ir::Op& op, const ir::Tensor& result) -> absl::Status {
          const auto it = expected_.find(key);
          if (it == expected_.end()) return absl::OkStatus();
          departure = Compare(key, op, result, it->second);
          return departure ? absl::AbortedError("found") : absl::OkStatus();
        });
    if (departure) return departure;
    if (!logits.ok()) {
      return absl::Status(logits.status().code(),
                          absl::StrCat(dump_.file, ": ", logits.status().message()));
    }
    // They need not be a value of one name.
    const char* result = run_.entry == step_interface::kStep ? "logits" : "result";
    const ir::Op& returned = *dump_.FindFunc(run_.entry)->body.terminator();
    for (size_t step = 0; step < logits->size() && !departure; ++step) {
      departure = Compare({static_cast<int>(step), run_.entry, 0, result, 0}, returned,
                          (*logits)[step], logits_[step]);
    }
    return departure;
  }

 private:
  using Name = std::pair<std::string, std::string>;
  static Name NameOf(const ValueKey& key) { return {std::get<1>(key), std::get<3>(key)}; }
  static Name NameOf(const ir::Op& op) {
    return {passes::FuncName(*op.parent()), passes::StatementName(op)};
  }

  // Passes round some values earlier than the import, so it is theirs that the type has to be.
  std::string TypeDifference(const ValueKey& key, ir::DType type) const {
    const auto it = types_.find(NameOf(key));
    if (it == types_.end() || it->second == type) return "";
    return absl::StrCat("it is ", ir::DTypeName(type), ", the passes make it ",
                        ir::DTypeName(it->second));
  }

  std::optional<Departure> Compare(const ValueKey& key, const ir::Op& op, const ir::Tensor& result,
                                   const ir::Tensor& expected) const {
    std::string difference = TypeDifference(key, result.type().dtype);
    if (!difference.empty()) return Departure{key, &op, 0, std::move(difference)};
    const double error = ErrorOf(result, expected);
    if (error <= kDumpBound) return std::nullopt;
    return Departure{key, &op, error, ""};
  }

  const ir::Module& dump_;
  const VerifyRun& run_;
  std::set<Name> names_;
  std::map<Name, ir::DType> types_;  // as the passes make them
  Values expected_;
  std::vector<ir::Tensor> logits_;  // of each step
};

// The statement as the passes make it, if that is not what the dump has; else "".
std::string OtherText(const ir::Op& op, const StatementMap& passed) {
  const auto it =
      passed.find(absl::StrCat(passes::FuncName(*op.parent()), ".", passes::StatementName(op)));
  if (it == passed.end()) return "";
  std::string text = StatementText(*it->second);
  return text == StatementText(op) ? "" : text;
}

Finding FindingOf(const ir::Module& dump, const Departure& departure, const ir::Module* passed) {
  Finding finding;
  finding.culprit = absl::StrCat(dump.file, ":", departure.op->line);
  std::tie(finding.step, finding.func, finding.index, finding.statement, std::ignore) =
      departure.key;
  finding.nmse = departure.error;
  finding.bound = kDumpBound;
  finding.difference = departure.difference;
  if (passed == nullptr) return finding;
  const std::string other = OtherText(*departure.op, StatementsByName(*passed));
  if (other.empty()) return finding;
  finding.note =
      absl::StrCat("  here:       ", StatementText(*departure.op), "\n  the passes: ", other);
  return finding;
}

// The first statement with another text.
std::string RemarkOf(const ir::Module& dump, const ir::Module* passed) {
  if (passed == nullptr) return "";
  const StatementMap statements = StatementsByName(*passed);
  std::string remark;
  ir::ForEachOp(dump, [&](const ir::Op* op) {
    if (!remark.empty() || !HasResult(*op) || op->body != nullptr) return;
    const std::string other = OtherText(*op, statements);
    if (other.empty()) return;
    remark = absl::StrCat(ir::PlaceOf(*op),
                          " is not as the passes make it, yet no value departs: ", other);
  });
  return remark;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ImportLike(const engine::ModelFiles& files,
                                                       const ir::Module& dump) {
  std::unique_ptr<ir::Module> nearest;
  int64_t most = -1;
  for (const engine::Precision precision : {engine::Precision::kBF16, engine::Precision::kF32}) {
    for (const engine::KvCache cache : {engine::KvCache::kPrecision, engine::KvCache::kInt8}) {
      engine::ModuleOptions options;
      options.precision = precision;
      options.kv_cache = cache;
      ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> import, engine::ImportModule(files, options));
      const int64_t likeness = Likeness(dump, *import);
      if (likeness <= most) continue;
      most = likeness;
      nearest = std::move(import);
    }
  }
  RETURN_IF_ERROR(CheckLayers(dump, *nearest));
  return nearest;
}

absl::StatusOr<DumpVerdict> VerifyDump(const ir::Module& dump, const ir::Module& import,
                                       const VerifyRun& run) {
  const std::unique_ptr<ir::Module> passed = PassedLike(dump, import);
  DumpVerifier verifier(dump, passed.get(), run);
  RETURN_IF_ERROR(verifier.Expect(import));
  absl::StatusOr<std::optional<Departure>> departure = verifier.Run();
  if (!departure.ok()) return departure.status();
  DumpVerdict verdict;
  if (!*departure) {
    verdict.remark = RemarkOf(dump, passed.get());
    return verdict;
  }
  // Something that only the passes name may have departed before.
  if (passed != nullptr && verifier.Expect(*passed).ok()) {
    absl::StatusOr<std::optional<Departure>> earlier = verifier.Run();
    if (earlier.ok() && *earlier) departure = *std::move(earlier);
  }
  verdict.finding = FindingOf(dump, **departure, passed.get());
  return verdict;
}

}  // namespace lluda::tools
