// lluda explain: of each statement that a step runs, where it came from, what it costs and how long
// it takes, measured against the machine's limits; and which fusions nearly fired.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/limits.h"
#include "cli/call_name.h"
#include "cli/commands.h"
#include "cli/explain_report.h"
#include "cli/import_flags.h"
#include "cli/model_flags.h"
#include "cli/module_path.h"
#include "cli/output.h"
#include "codegen/target.h"
#include "ir/cost.h"
#include "ir/view.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "passes/provenance.h"
#include "passes/rewrite.h"
#include "runtime/timeline.h"

namespace lluda::cli {
namespace {

using codegen::Limit;

// The run is repeated, and a statement's time is the median.
constexpr int kRuns = 7;
constexpr double kLimitSeconds = 0.03;

// Rows of logits, sequences: one of each. The capacity of the cache is nothing's cost.
ir::CostShape ShapeOf(int64_t depth, int64_t tokens) {
  ir::CostShape shape;
  shape.symbols = [tokens](absl::string_view symbol) { return symbol == "T" ? tokens : 1; };
  shape.depth = depth;
  shape.tokens = tokens;
  return shape;
}

// What is run: steps of so many tokens, one after the other, after `depth` others.
struct Run {
  int64_t depth = 0;
  int64_t tokens = 1;
  int64_t max_step = 1;

  std::vector<ir::CostShape> Steps() const {
    std::vector<ir::CostShape> steps;
    for (int64_t done = 0; done < tokens; done += max_step) {
      steps.push_back(ShapeOf(depth + done, std::min(max_step, tokens - done)));
    }
    return steps;
  }
};

// The module after all passes, and what is known of how it came to be.
struct Optimised {
  ImportedModel model;
  passes::Provenance provenance;
  std::vector<MissedFusion> misses;
};

absl::Status Optimise(Optimised* optimised) {
  ir::Module* module = optimised->model.module.get();
  absl::StatusOr<std::vector<std::string>> names = passes::RemainingPasses(*module);
  if (!names.ok()) return names.status();
  passes::PipelineOptions options;
  options.dump = [&](int, absl::string_view pass, const ir::Module& after) {
    optimised->provenance.See(pass, after);
    return absl::OkStatus();
  };
  absl::StatusOr<passes::Pipeline> pipeline = passes::Pipeline::Create(*names, options);
  if (!pipeline.ok()) return pipeline.status();
  auto reports = pipeline->Run(module);
  if (!reports.ok()) return reports.status();
  std::set<std::tuple<std::string, std::string, std::string, std::string>> known;
  for (const passes::PassReport& report : *reports) {
    for (const passes::Miss& miss : report.misses) {
      if (!known.emplace(report.pass, miss.func, miss.statement, miss.reason).second) continue;
      optimised->misses.push_back({report.pass, miss.func, miss.statement, miss.reason});
    }
  }
  return absl::OkStatus();
}

// The statements that kernels compute, by CallName::Base.
std::map<std::string, const ir::Op*> KernelOps(const ir::Module& module) {
  std::map<std::string, const ir::Op*> ops;
  ir::ForEachOp(module, [&](const ir::Op* op) {
    if (op->result() == nullptr && op->defined_global == nullptr) return;
    ops[absl::StrCat(passes::FuncName(*op->parent()), ".", passes::StatementName(*op))] = op;
  });
  return ops;
}

struct Rates {
  codegen::Target target;
  std::map<Limit, double> per_second;

  // Which limit the statement's arithmetic has.
  Limit Arithmetic(const ir::Op& op) const {
    if (op.opcode() != ir::Opcode::kMatmul && op.opcode() != ir::Opcode::kAttention) {
      return Limit::kF32;
    }
    return codegen::LimitOfMatmul(target, op.operand(0).type().dtype, op.operand(1).type().dtype);
  }
};

const char* LimitName(Limit limit) {
  switch (limit) {
    case Limit::kDramRead:
      return "DRAM read";
    case Limit::kF32:
      return "f32";
    case Limit::kBf16:
      return "bf16";
    case Limit::kInt8:
      break;
  }
  return "int8";
}

void Predict(const ir::Op& op, const Run& run, const Rates& rates, ExplainedStatement* statement) {
  const Limit arithmetic = rates.Arithmetic(op);
  for (const ir::CostShape& step : run.Steps()) {
    const ir::Cost cost = ir::CostOf(op, step);
    const double copies = static_cast<double>(statement->calls) / run.Steps().size();
    const double reading = cost.bytes / rates.per_second.at(Limit::kDramRead);
    const double computing = cost.flops / rates.per_second.at(arithmetic);
    statement->bytes += copies * cost.bytes;
    statement->flops += copies * cost.flops;
    statement->predicted_seconds += copies * std::max(reading, computing);
    statement->limit = LimitName(reading >= computing ? Limit::kDramRead : arithmetic);
  }
}

// Seconds of each of the run's calls, by CallName::Base, and of the whole, the latter as "".
using Times = std::map<std::string, double>;

absl::StatusOr<Times> RunOnce(engine::Model* model, engine::Session* session, const Run& run) {
  const auto token = [&](int64_t i) {
    return static_cast<int32_t>((i * 7919 + 13) % session->vocabulary());
  };
  std::vector<int32_t> before, tokens;
  for (int64_t i = 0; i < run.depth; ++i) before.push_back(token(i));
  for (int64_t i = 0; i < run.tokens; ++i) tokens.push_back(token(run.depth + i));
  session->Clear();
  if (!before.empty()) {
    if (auto logits = session->Evaluate(before); !logits.ok()) return logits.status();
  }
  runtime::Timeline timeline(model->threads());
  model->executable()->RecordTo(&timeline);
  auto logits = session->Evaluate(tokens);
  model->executable()->RecordTo(nullptr);
  if (!logits.ok()) return logits.status();
  Times times;
  for (const runtime::Timeline::Span& span : timeline.calls()) {
    const runtime::Call& call = model->executable()->program().step[span.call];
    times[ParseCallName(call.name).Base()] += 1e-9 * static_cast<double>(span.end - span.begin);
  }
  times[""] = 1e-9 * static_cast<double>(timeline.calls().back().end - timeline.calls()[0].begin);
  return times;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// The run and the machine's limits in turns, for a shared machine's speed changes; the median of
// each.
absl::Status Measure(engine::Model* model, const Run& run, Times* times, Rates* rates) {
  absl::StatusOr<std::unique_ptr<engine::Session>> session = engine::Session::Create(model, {});
  if (!session.ok()) return session.status();
  auto meter = benchmarks::LimitMeter::Create(rates->target, model->threads(),
                                              benchmarks::DefaultReadBytes());
  if (!meter.ok()) return meter.status();
  std::map<std::string, std::vector<double>> all_times;
  std::map<Limit, std::vector<double>> all_rates;
  for (int i = 0; i <= kRuns; ++i) {
    absl::StatusOr<Times> once = RunOnce(model, session->get(), run);
    if (!once.ok()) return once.status();
    if (i == 0) continue;  // the first one meets cold pages
    for (const auto& [name, seconds] : *once) all_times[name].push_back(seconds);
    for (const Limit limit : {Limit::kDramRead, Limit::kF32, Limit::kBf16}) {
      if (!(*meter)->Has(limit)) continue;
      all_rates[limit].push_back(1e9 * (*meter)->Measure(limit, kLimitSeconds));
    }
  }
  for (auto& [name, seconds] : all_times) (*times)[name] = Median(std::move(seconds));
  for (auto& [limit, rate] : all_rates) rates->per_second[limit] = Median(std::move(rate));
  return absl::OkStatus();
}

std::string RunText(const Run& run) {
  if (run.tokens == 1 && run.depth > 0)
    return absl::StrCat("one token after ", run.depth, " others");
  return absl::StrCat("a prompt of ", run.tokens, run.tokens == 1 ? " token" : " tokens");
}

}  // namespace

absl::StatusOr<int> RunExplain(const ExplainFlags& flags) {
  absl::StatusOr<ImportedModel> imported = ImportModel(flags.model, engine::Weights::kRequired);
  if (!imported.ok()) return imported.status();
  Optimised optimised{*std::move(imported), {}, {}};
  if (absl::Status status = Optimise(&optimised); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<engine::Model>> model = LoadModel(flags.model, false);
  if (!model.ok()) return model.status();
  Run run;
  run.depth = flags.tokens ? 0 : flags.depth;
  run.tokens = flags.tokens.value_or(1);
  run.max_step = (*model)->max_step();
  if (run.depth + run.tokens > (*model)->context()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.tokens ? "--tokens" : "--depth", ": ", run.depth + run.tokens,
                     " tokens do not fit the context of ", (*model)->context()));
  }
  absl::StatusOr<codegen::Target> target = codegen::Target::Named(flags.model.isa);
  if (!target.ok()) return target.status();
  Times times;
  Rates rates{*target, {}};
  if (absl::Status s = Measure(model->get(), run, &times, &rates); !s.ok()) return s;

  ExplainReport report;
  report.run = RunText(run);
  report.threads = (*model)->threads();
  report.seconds = times.at("");
  for (const auto& [limit, rate] : rates.per_second) {
    report.limits.emplace_back(LimitName(limit), rate);
  }
  report.misses = optimised.misses;
  const runtime::Program& program = (*model)->executable()->program();
  const std::map<std::string, const ir::Op*> ops = KernelOps(*optimised.model.module);
  std::map<std::string, size_t> known;
  for (const runtime::Call& call : program.step) {
    const CallName name = ParseCallName(call.name);
    const auto [it, added] = known.try_emplace(name.Base(), report.statements.size());
    if (added) {
      ExplainedStatement& statement = report.statements.emplace_back();
      statement.name = name.Base();
      statement.kernel = program.kernels[call.kernel].name;
    }
    report.statements[it->second].calls += static_cast<int64_t>(run.Steps().size());
  }
  for (ExplainedStatement& statement : report.statements) {
    const CallName name = ParseCallName(statement.name);
    const ir::Op& op = *ops.at(statement.name);
    passes::Origin origin = optimised.provenance.Find(name.func, name.statement);
    statement.ops = std::move(origin.ops);
    statement.passes = std::move(origin.passes);
    statement.module = ModulePath(op);
    statement.measured_seconds = times.at(statement.name);
    Predict(op, run, rates, &statement);
  }
  const std::string text = flags.json ? ExplainJson(report) : ExplainText(report);
  if (absl::Status status = WriteStdout(text); !status.ok()) return status;
  return 0;
}

}  // namespace lluda::cli
