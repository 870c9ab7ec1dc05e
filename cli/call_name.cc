#include "cli/call_name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace lluda::cli {
namespace {

// Takes "[3]" off the end of `name`; leaves both alone if there is none.
void TakeIndex(absl::string_view* name, int64_t* index) {
  const size_t open = name->rfind('[');
  int64_t value = 0;
  if (open == absl::string_view::npos || !absl::EndsWith(*name, "]") ||
      !absl::SimpleAtoi(name->substr(open + 1, name->size() - open - 2), &value)) {
    return;
  }
  *index = value;
  *name = name->substr(0, open);
}

bool SameCalls(const std::vector<runtime::Call>& calls, const CallRound& a, const CallRound& b) {
  if (a.end - a.begin != b.end - b.begin) return false;
  for (size_t i = 0; i < a.end - a.begin; ++i) {
    const runtime::Call& x = calls[a.begin + i];
    const runtime::Call& y = calls[b.begin + i];
    if (x.kernel != y.kernel || ParseCallName(x.name).Base() != ParseCallName(y.name).Base()) {
      return false;
    }
  }
  return true;
}

}  // namespace

CallName ParseCallName(absl::string_view name) {
  CallName parsed;
  const size_t dot = name.find('.');
  absl::string_view func = name.substr(0, dot);
  absl::string_view statement =
      dot == absl::string_view::npos ? absl::string_view() : name.substr(dot + 1);
  TakeIndex(&func, &parsed.index);
  TakeIndex(&statement, &parsed.index);
  parsed.func = std::string(func);
  parsed.statement = std::string(statement);
  return parsed;
}

std::string NormalCallName(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  absl::ConsumePrefix(&text, "@");
  const std::string dotted = absl::StrReplaceAll(text, {{" %", "."}, {" @", "."}});
  return absl::StrContains(dotted, '.') ? ParseCallName(dotted).Base() : dotted;
}

std::vector<CallRound> RoundsOf(const std::vector<runtime::Call>& calls) {
  std::vector<CallRound> rounds;
  for (size_t begin = 0, end = 0; begin < calls.size(); begin = end) {
    const int64_t index = ParseCallName(calls[begin].name).index;
    for (end = begin + 1; end < calls.size(); ++end) {
      if (ParseCallName(calls[end].name).index != index) break;
    }
    const CallRound round{begin, end, 1};
    if (index >= 0 && !rounds.empty() && SameCalls(calls, rounds.back(), round)) {
      ++rounds.back().times;
    } else {
      rounds.push_back(round);
    }
  }
  return rounds;
}

}  // namespace lluda::cli
