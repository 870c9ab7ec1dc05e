#include "tools/inspect/explain_run.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "ir/cost.h"
#include "ir/interpreter/tensor.h"
#include "runtime/executable.h"
#include "runtime/program.h"
#include "runtime/session/session.h"
#include "runtime/timeline.h"
#include "tools/inspect/entry_arguments.h"
#include "tools/inspect/module_path.h"
#include "tools/measure/limits.h"
#include "tools/measure/statistics.h"

namespace lluda::tools {
namespace {

// The run is repeated, and a statement's time is the median.
constexpr int kRuns = 7;
constexpr double kLimitSeconds = 0.03;

// What is run again and again, and what it is made of.
struct PreparedRun {
  std::string text;  // "one token after 128 others"
  const runtime::Entry* entry = nullptr;
  std::vector<ir::CostShape> steps;      // one after the other
  std::function<absl::Status()> before;  // what is not counted
  std::function<absl::Status()> run;
};

// Rows of logits, sequences: one of each. The capacity of the cache is nothing's cost.
ir::CostShape ShapeOf(int64_t depth, int64_t tokens) {
  ir::CostShape shape;
  shape.symbols = [tokens](absl::string_view symbol) {
    return symbol == step_interface::kTokenCount ? tokens : 1;
  };
  shape.depth = depth;
  shape.tokens = tokens;
  return shape;
}

std::string StepText(const ExplainedRun& run) {
  if (run.tokens == 1 && run.depth > 0) {
    return absl::StrCat("one token after ", run.depth, " others");
  }
  return absl::StrCat("a prompt of ", run.tokens, run.tokens == 1 ? " token" : " tokens");
}

// `session` must outlive it.
PreparedRun PrepareStep(const ExplainedRun& run, runtime::Session* session) {
  const int64_t max_step = session->max_step();
  // The likeliest token is what a step with a partial head is for.
  const int64_t kept = run.entry == step_interface::kTop ? 1 : 0;

  std::vector<int32_t> before, tokens;
  for (int64_t i = 0; i < run.depth + run.tokens; ++i) {
    (i < run.depth ? before : tokens)
        .push_back(static_cast<int32_t>((i * 7919 + 13) % session->vocabulary()));
  }
  PreparedRun prepared;
  prepared.text = StepText(run);
  for (int64_t done = 0; done < run.tokens; done += max_step) {
    prepared.steps.push_back(ShapeOf(run.depth + done, std::min(max_step, run.tokens - done)));
  }
  prepared.before = [session, before] {
    session->Truncate(0, 0);
    return before.empty() ? absl::OkStatus() : session->Evaluate(before).status();
  };
  prepared.run = [session, tokens, kept] {
    const runtime::Chunk chunk{0, tokens, 1, {}, kept};
    return session->Evaluate(absl::MakeConstSpan(&chunk, 1)).status();
  };
  return prepared;
}

// `executable` must outlive it.
absl::StatusOr<PreparedRun> PrepareEntry(const ExplainedRun& run, const ir::Module& module,
                                         runtime::Executable* executable) {
  const ir::Func& func = *module.FindFunc(run.entry);
  ASSIGN_OR_RETURN(const SymbolValues symbols, EntrySymbols(module, func, run.rows));
  ASSIGN_OR_RETURN(const std::vector<ir::Tensor> arguments, EntryArguments(func, symbols));
  std::vector<std::vector<int32_t>> inputs;  // floats, too: of four bytes each
  for (const ir::Tensor& argument : arguments) {
    inputs.emplace_back(static_cast<size_t>(argument.size()));
    for (int64_t i = 0; i < argument.size(); ++i) {
      argument.WriteElement(i, &inputs.back()[static_cast<size_t>(i)]);
    }
  }
  const runtime::Program& program = executable->program();
  std::vector<int64_t> dims = program.MaxDims();
  for (size_t i = 0; i < dims.size(); ++i) {
    const auto it = symbols.find(program.symbols[i].name);
    if (it != symbols.end()) dims[i] = it->second;
  }
  const runtime::Entry& entry = program.entry(run.entry);
  std::vector<char> result(static_cast<size_t>(entry.result.Bytes(dims)));
  PreparedRun prepared;
  prepared.text = EntryRunText(func, symbols);
  prepared.steps = {{[symbols](absl::string_view symbol) {
                       const auto it = symbols.find(std::string(symbol));
                       return it == symbols.end() ? 1 : it->second;
                     },
                     0, 1}};
  prepared.before = [] { return absl::OkStatus(); };
  prepared.run = [executable, &entry, dims, inputs, result]() mutable {
    std::vector<const void*> addresses;
    for (const std::vector<int32_t>& input : inputs) addresses.push_back(input.data());
    return executable->Run(entry, runtime::States(), dims, addresses, result.data());
  };
  return prepared;
}

struct Rates {
  const OptimisedModel* model;
  std::map<Limit, double> per_second;

  // At least so long; nothing where the limit is not known.
  double Seconds(Limit limit, double work) const {
    const auto it = per_second.find(limit);
    return it == per_second.end() ? 0 : work / it->second;
  }

  // Which limit the statement's arithmetic has.
  Limit Arithmetic(const ir::Op& op) const {
    const bool multiplies = op.opcode() == ir::Opcode::kMatmul ||
                            op.opcode() == ir::Opcode::kExpertMatmul ||
                            op.opcode() == ir::Opcode::kAttention;
    if (!multiplies) {
      return Limit::kF32;
    }
    return ArithmeticLimit(model->target, model->device, op.operand(0).type().dtype,
                           op.operand(1).type().dtype);
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
      return "int8";
    case Limit::kBf16Fed:
      break;
  }
  return "bf16 fed";
}

// `ops` are all that one of the statement's calls computes.
void Predict(const std::vector<const ir::Op*>& ops, const std::vector<ir::CostShape>& steps,
             const Rates& rates, ExplainedStatement* statement) {
  const double copies = static_cast<double>(statement->calls) / static_cast<double>(steps.size());
  for (const ir::CostShape& step : steps) {
    double reading = 0, computing = 0;
    Limit arithmetic = Limit::kF32;
    for (const ir::Op* op : ops) {
      const ir::Cost cost = ir::CostOf(*op, step);
      const Limit limit = rates.Arithmetic(*op);
      const double seconds = rates.Seconds(limit, cost.flops);
      if (seconds >= computing) arithmetic = limit;
      reading += rates.Seconds(Limit::kDramRead, cost.bytes);
      computing += seconds;
      statement->bytes += copies * cost.bytes;
      statement->flops += copies * cost.flops;
    }
    statement->predicted_seconds += copies * std::max(reading, computing);
    statement->limit = LimitName(reading >= computing ? Limit::kDramRead : arithmetic);
  }
}

// Seconds of each of the run's calls, by runtime::StatementOf, and of the whole, the latter as "".
using Times = std::map<std::string, double>;

absl::StatusOr<Times> RunOnce(engine::Model* model, const PreparedRun& run) {
  RETURN_IF_ERROR(run.before());
  runtime::Timeline timeline(model->threads());
  model->executable()->RecordTo(&timeline);
  const absl::Status status = run.run();
  model->executable()->RecordTo(nullptr);
  if (!status.ok()) return status;
  Times times;
  for (const runtime::Timeline::Span& span : timeline.calls()) {
    const runtime::Call& call = run.entry->calls[span.call];
    times[StatementOf(call.site)] += 1e-9 * static_cast<double>(span.end - span.begin);
  }
  times[""] = 1e-9 * static_cast<double>(timeline.calls().back().end - timeline.calls()[0].begin);
  return times;
}

// The run and the machine's limits in turns, for a shared machine's speed changes; the median of
// each.
absl::Status Measure(engine::Model* model, const PreparedRun& run, LimitMeter* meter, Times* times,
                     Rates* rates) {
  std::map<std::string, std::vector<double>> all_times;
  std::map<Limit, std::vector<double>> all_rates;
  for (int i = 0; i <= kRuns; ++i) {
    ASSIGN_OR_RETURN(Times once, RunOnce(model, run));
    if (i == 0) continue;  // the first one meets cold pages
    for (const auto& [name, seconds] : once) all_times[name].push_back(seconds);
    for (const Limit limit : {Limit::kDramRead, Limit::kF32, Limit::kBf16}) {
      if (!meter->Has(limit)) continue;
      all_rates[limit].push_back(1e9 * meter->Measure(limit, kLimitSeconds));
    }
  }
  for (auto& [name, seconds] : all_times) (*times)[name] = Summarize(seconds).median;
  for (auto& [limit, rate] : all_rates) rates->per_second[limit] = Summarize(rate).median;
  return absl::OkStatus();
}

using OpsOfStatement = std::map<std::string, std::vector<const ir::Op*>>;

// What there is to tell of the statements without having run them; with what each of them computes.
std::vector<ExplainedStatement> StatementsOf(const runtime::Program& program,
                                             const runtime::Entry& entry,
                                             const std::map<std::string, const ir::Op*>& ops,
                                             const PassHistory& history,
                                             const std::vector<ir::CostShape>& steps,
                                             OpsOfStatement* computed) {
  std::vector<ExplainedStatement> statements;
  std::map<std::string, size_t> known;
  const auto runs = [&](const runtime::Call& call) {
    return call.only_symbol < 0 ||
           absl::c_any_of(
               steps,
               [&](const ir::CostShape& step) {
                 const size_t symbol = static_cast<size_t>(call.only_symbol);
                 return step.symbols(program.symbols[symbol].name) > call.only_above;
               });
  };
  for (const runtime::Call& call : entry.calls) {
    if (!runs(call)) continue;
    const auto [it, added] = known.try_emplace(StatementOf(call.site), statements.size());
    if (added) {
      ExplainedStatement& statement = statements.emplace_back();
      statement.name = it->first;
      statement.kernel = program.kernels[call.kernel].name;
      statement.module = ModulePath(*ops.at(statement.name));
      for (const runtime::CallPart& part : runtime::PartsOf(call)) {
        const runtime::CallSite& site = part.site;
        passes::Origin origin = history.provenance.Find(site.function, site.statement);
        for (std::string& op : origin.ops) statement.ops.push_back(std::move(op));
        for (std::string& pass : origin.passes) {
          if (!absl::c_linear_search(statement.passes, pass)) {
            statement.passes.push_back(std::move(pass));
          }
        }
        (*computed)[statement.name].push_back(ops.at(StatementOf(site)));
      }
    }
    ++statements[it->second].calls;
  }
  return statements;
}

}  // namespace

absl::StatusOr<ExplainedRun> ExplainedRunOf(const std::string& entry, std::optional<int64_t> tokens,
                                            std::optional<int64_t> depth, int64_t context) {
  constexpr int64_t kDepth = 128;
  ExplainedRun run;
  if (!entry.empty()) run.entry = entry;
  if (run.entry != step_interface::kStep && run.entry != step_interface::kTop) {
    run.rows = tokens;
    return run;
  }
  run.depth = tokens ? 0 : depth.value_or(kDepth);
  run.tokens = tokens.value_or(1);
  if (run.depth + run.tokens > context) {
    return absl::InvalidArgumentError(absl::StrCat(tokens ? "--tokens" : "--depth", ": ",
                                                   run.depth + run.tokens,
                                                   " tokens do not fit the context of ", context));
  }
  return run;
}

absl::StatusOr<std::vector<ExplainReport>> ExplainRuns(const OptimisedModel& optimised,
                                                       const std::vector<ExplainedRun>& runs,
                                                       engine::Model* model) {
  runtime::SessionOptions one;
  one.context = model->context();
  one.max_step = model->max_step();
  ASSIGN_OR_RETURN(std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(model->executable(), one));
  const runtime::Program& program = model->executable()->program();
  std::vector<PreparedRun> prepared;
  for (const ExplainedRun& run : runs) {
    if (program.FindEntry(run.entry) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("--entry: a GPU runs the step, and not ", run.entry));
    }
    if (run.entry == step_interface::kStep || run.entry == step_interface::kTop) {
      prepared.push_back(PrepareStep(run, session.get()));
    } else {
      ASSIGN_OR_RETURN(PreparedRun entry,
                       PrepareEntry(run, *optimised.module, model->executable()));
      prepared.push_back(std::move(entry));
    }
    prepared.back().entry = &program.entry(run.entry);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<LimitMeter> meter,
                   LimitMeter::OfDevice(model->executable(), optimised.target, model->threads()));
  const std::map<std::string, const ir::Op*> ops = StatementsByName(*optimised.module);
  std::vector<ExplainReport> reports;
  for (PreparedRun& run : prepared) {
    Times times;
    Rates rates{&optimised, {}};
    RETURN_IF_ERROR(Measure(model, run, meter.get(), &times, &rates));
    const auto columns = static_cast<double>(model->executable()->computed_columns());
    for (ir::CostShape& step : run.steps) step.kept_columns = columns;
    ExplainReport& report = reports.emplace_back();
    report.run = run.text;
    report.threads = model->threads();
    report.seconds = times.at("");
    for (const auto& [limit, rate] : rates.per_second) {
      report.limits.emplace_back(LimitName(limit), rate);
    }
    report.misses = optimised.history.misses;
    report.chosen = optimised.numbers.chosen;
    report.unseen_passes = optimised.history.unseen_passes;
    OpsOfStatement computed;
    report.statements =
        StatementsOf(program, *run.entry, ops, optimised.history, run.steps, &computed);
    for (ExplainedStatement& statement : report.statements) {
      statement.calls *= static_cast<int64_t>(run.steps.size());
      statement.measured_seconds = times.at(statement.name);
      Predict(computed.at(statement.name), run.steps, rates, &statement);
    }
  }
  return reports;
}

}  // namespace lluda::tools
