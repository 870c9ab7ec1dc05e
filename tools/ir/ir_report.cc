#include "tools/ir/ir_report.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "ir/text/printer.h"

namespace lluda::tools {
namespace {

bool IsWanted(absl::string_view func, absl::string_view section) {
  absl::ConsumePrefix(&func, "@");
  absl::ConsumePrefix(&section, "@");
  return func.empty() || section == func;
}

}  // namespace

absl::StatusOr<std::vector<ir::Section>> SectionsNamed(absl::string_view module_text,
                                                       absl::string_view func) {
  std::vector<ir::Section> wanted;
  std::vector<std::string> names;
  for (ir::Section& section : ir::SectionsOf(module_text)) {
    if (section.name != "declarations") names.emplace_back(absl::StripPrefix(section.name, "@"));
    if (IsWanted(func, section.name)) wanted.push_back(std::move(section));
  }
  if (!wanted.empty()) return wanted;
  return absl::InvalidArgumentError(
      absl::StrCat("--func: the module has no '", func, "', but ", absl::StrJoin(names, ", ")));
}

std::string SectionsJson(const std::vector<ir::Section>& sections) {
  base::JsonWriter json;
  json.BeginDocument("lluda.ir/1").Key("sections").BeginArray();
  for (const ir::Section& section : sections) {
    json.BeginObject();
    json.Key("name").String(section.name);
    json.Key("lines").Strings(section.lines);
    json.EndObject();
  }
  return json.EndArray().EndDocument();
}

bool PassChoice::Fits(size_t i, const std::vector<std::string>& names) const {
  if (number > 0) return i == number;
  return name.empty() || names[i - 1] == name;
}

absl::StatusOr<PassChoice> ChoosePass(absl::string_view flag, const std::string& text,
                                      const std::vector<std::string>& names) {
  PassChoice choice;
  choice.name = text;
  size_t number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 1) choice.number = number;
  if (text.empty()) return choice;
  for (size_t i = 1; i <= names.size(); ++i) {
    if (choice.Fits(i, names)) return choice;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": '", text, "' is none of the passes: ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<size_t> CountUpTo(absl::string_view flag, const std::string& text,
                                 const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(PassChoice choice, ChoosePass(flag, text, names));
  size_t count = names.size();
  while (count > 0 && !choice.Fits(count, names)) --count;
  return count;
}

std::optional<PassDiff> PassDiffer::See(int number, absl::string_view pass,
                                        const ir::Module& module) {
  const std::string before = std::exchange(text_, ir::PrintModule(module));
  if (number == 0 || !choice_.Fits(static_cast<size_t>(number), names_)) return std::nullopt;
  PassDiff diff{number, std::string(pass), {}};
  for (ir::SectionDiff& section : ir::Diff(before, text_)) {
    if (IsWanted(func_, section.name)) diff.sections.push_back(std::move(section));
  }
  if (diff.sections.empty()) return std::nullopt;
  return diff;
}

std::string PassDiffText(const PassDiff& diff, bool color) {
  const std::string title = absl::StrCat("=== ", diff.number, " ", diff.pass);
  return absl::StrCat(color ? absl::StrCat("\033[1m", title, "\033[0m") : title, "\n",
                      ir::DiffText(diff.sections, color));
}

std::string PassDiffsJson(const std::vector<PassDiff>& diffs) {
  base::JsonWriter json;
  json.BeginDocument("lluda.ir_diff/1").Key("passes").BeginArray();
  for (const PassDiff& diff : diffs) {
    json.BeginObject();
    json.Key("number").Int(diff.number);
    json.Key("pass").String(diff.pass);
    json.Key("sections").BeginArray();
    for (const ir::SectionDiff& section : diff.sections) {
      json.BeginObject().Key("name").String(section.name);
      json.Key("lines").BeginArray();
      for (const ir::DiffLine& line : section.lines) {
        json.BeginObject().Key("mark").String(std::string(1, line.mark));
        json.Key("text").String(line.text).EndObject();
      }
      json.EndArray().EndObject();
    }
    json.EndArray().EndObject();
  }
  return json.EndArray().EndDocument();
}

}  // namespace lluda::tools
