#include "tools/inspect/explain_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json/json_writer.h"
#include "engine/weight_budget/chosen_text.h"

namespace lluda::tools {
namespace {

// Below this nothing but the call itself takes time, and a share of a limit says nothing.
constexpr double kLeastPredicted = 1e-6;

// "8.39 M": a number with the thousand's letter that suits it.
std::string Scaled(double value) {
  constexpr const char* kLetters[] = {"", "k", "M", "G", "T"};
  size_t letter = 0;
  while (value >= 999.5 && letter + 1 < std::size(kLetters)) {
    value /= 1000;
    ++letter;
  }
  return absl::StrFormat("%.3g %s", value, kLetters[letter]);
}

std::string Micros(double seconds) { return absl::StrFormat("%.1f us", seconds * 1e6); }

bool HasShare(const ExplainedStatement& statement) {
  return statement.predicted_seconds / static_cast<double>(statement.calls) >= kLeastPredicted &&
         statement.measured_seconds > 0;
}

double Share(const ExplainedStatement& statement) {
  return statement.predicted_seconds / statement.measured_seconds;
}

void AppendStatement(const ExplainReport& report, const ExplainedStatement& statement,
                     std::string* text) {
  absl::StrAppend(text, statement.name, "  ", statement.kernel, "\n");
  // What moves values for others came from no statement.
  if (!statement.ops.empty()) {
    absl::StrAppend(text, "    from   ", CountedNames(statement.ops),
                    statement.module.empty() ? "" : " of ", statement.module, "\n");
  }
  if (!statement.passes.empty()) {
    absl::StrAppend(text, "    by     ", absl::StrJoin(statement.passes, ", "), "\n");
  }
  absl::StrAppendFormat(text, "    work   %d %s, %sB, %sFLOP\n", statement.calls,
                        statement.calls == 1 ? "call" : "calls", Scaled(statement.bytes),
                        Scaled(statement.flops));
  absl::StrAppendFormat(text, "    time   %s, %.1f%% of the run",
                        Micros(statement.measured_seconds),
                        100 * statement.measured_seconds / report.seconds);
  if (HasShare(statement)) {
    absl::StrAppendFormat(text, "; predicted %s: %.0f%% of the %s limit",
                          Micros(statement.predicted_seconds), 100 * Share(statement),
                          statement.limit);
  }
  absl::StrAppend(text, "\n");
}

// What is not known where passes had run before; "" where none had.
std::string UnseenText(const ExplainReport& report) {
  if (report.unseen_passes == 0) return "";
  return absl::StrCat(report.unseen_passes,
                      " passes had run before: `from` names what they left, `by` the last of them, "
                      "and their near misses are not known");
}

}  // namespace

std::string CountedNames(const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (auto it = names.begin(); it != names.end(); ++it) {
    if (std::find(names.begin(), it, *it) != it) continue;
    const auto count = std::count(it, names.end(), *it);
    parts.push_back(count == 1 ? *it : absl::StrCat(count, " ", *it));
  }
  return absl::StrJoin(parts, ", ");
}

std::string ExplainText(const ExplainReport& report) {
  std::string text =
      absl::StrFormat("%s, %d %s: %s\n", report.run, report.threads,
                      report.threads == 1 ? "thread" : "threads", Micros(report.seconds));
  std::vector<std::string> limits;
  for (const auto& [name, rate] : report.limits) {
    limits.push_back(absl::StrCat(name, " ", Scaled(rate), name == "DRAM read" ? "B/s" : "FLOP/s"));
  }
  absl::StrAppend(&text, "limits: ", absl::StrJoin(limits, ", "), "\n\n");
  for (const ExplainedStatement& statement : report.statements) {
    AppendStatement(report, statement, &text);
  }
  if (report.chosen != nullptr) {
    absl::StrAppend(&text, "\n", engine::ChosenText(*report.chosen));
  }
  const std::string unseen = UnseenText(report);
  if (!unseen.empty()) absl::StrAppend(&text, "\n", unseen, "\n");
  if (report.misses.empty() && !unseen.empty()) return text;
  absl::StrAppend(&text, "\n", report.misses.empty() ? "no near misses" : "near misses:", "\n");
  for (const MissedFusion& miss : report.misses) {
    absl::StrAppend(&text, "    ", miss.pass, " @", miss.func, " %", miss.statement, ": ",
                    miss.reason, "\n");
  }
  return text;
}

void AppendExplainJson(const ExplainReport& report, base::JsonWriter* writer) {
  base::JsonWriter& json = *writer;
  json.Key("run").String(report.run);
  json.Key("threads").Int(report.threads);
  json.Key("seconds").Number(report.seconds);
  json.Key("limits").BeginObject();
  for (const auto& [name, rate] : report.limits) json.Key(name).Number(rate);
  json.EndObject();
  json.Key("statements").BeginArray();
  for (const ExplainedStatement& statement : report.statements) {
    json.BeginObject();
    json.Key("name").String(statement.name);
    json.Key("kernel").String(statement.kernel);
    json.Key("ops").Strings(statement.ops);
    json.Key("module").String(statement.module);
    json.Key("passes").Strings(statement.passes);
    json.Key("calls").Int(statement.calls);
    json.Key("bytes").Number(statement.bytes);
    json.Key("flops").Number(statement.flops);
    json.Key("predicted_seconds").Number(statement.predicted_seconds);
    json.Key("measured_seconds").Number(statement.measured_seconds);
    json.Key("limit").String(statement.limit);
    json.Key("share_of_limit");
    if (HasShare(statement)) {
      json.Number(Share(statement));
    } else {
      json.Null();
    }
    json.EndObject();
  }
  json.EndArray();
  json.Key("misses").BeginArray();
  for (const MissedFusion& miss : report.misses) {
    json.BeginObject();
    json.Key("pass").String(miss.pass);
    json.Key("func").String(miss.func);
    json.Key("statement").String(miss.statement);
    json.Key("reason").String(miss.reason);
    json.EndObject();
  }
  json.EndArray();
  if (report.chosen != nullptr) {
    json.Key("weights").BeginObject();
    engine::AppendChosenJson(*report.chosen, &json);
    json.EndObject();
  }
  if (report.unseen_passes > 0) json.Key("note").String(UnseenText(report));
}

std::string ExplainJson(const ExplainReport& report) {
  base::JsonWriter json;
  AppendExplainJson(report, &json.BeginDocument("lluda.explain/1"));
  return json.EndDocument();
}

}  // namespace lluda::tools
