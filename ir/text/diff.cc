#include "ir/text/diff.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace lluda::ir {
namespace {

using Names = absl::flat_hash_map<std::string, std::string>;

// A line of a section, taken apart.
struct Line {
  std::string text;
  std::string place;                // of ` in 8192`
  std::vector<std::string> pieces;  // what is left: even ones plain text, odd ones values' names
};

bool IsNameChar(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Takes ` <word> <value>` off the end, if `value` is one word of those characters.
std::string TakeSuffix(absl::string_view word, bool digits_only, absl::string_view* text) {
  const size_t at = text->rfind(word);
  if (at == absl::string_view::npos) return "";
  const absl::string_view value = text->substr(at + word.size());
  const bool fits = std::all_of(value.begin(), value.end(), [&](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           (!digits_only && (IsNameChar(c) || c == '-'));
  });
  if (value.empty() || !fits) return "";
  *text = text->substr(0, at);
  return std::string(value);
}

Line Parse(const std::string& text) {
  Line line;
  line.text = text;
  absl::string_view rest = text;
  TakeSuffix(" by ", false, &rest);
  line.place = TakeSuffix(" in ", true, &rest);
  std::string plain;
  while (!rest.empty()) {
    size_t end = 1;
    while (end < rest.size() && IsNameChar(rest[end])) ++end;
    if (rest[0] == '%' && end > 1) {
      line.pieces.push_back(std::exchange(plain, ""));
      line.pieces.emplace_back(rest.substr(1, end - 1));
    } else {
      end = 1;
      plain += rest[0];
    }
    rest.remove_prefix(end);
  }
  line.pieces.push_back(plain);
  return line;
}

// The value the line defines; "" if it defines none, or several, as a function's first line does.
std::string Result(const Line& line) {
  const bool starts = line.pieces.size() > 2 && absl::StrContains(line.pieces[2], "=") &&
                      absl::StripAsciiWhitespace(line.pieces[0]).empty();
  return starts && absl::StartsWith(line.pieces[2], " = ") ? line.pieces[1] : "";
}

std::vector<Line> ParseAll(const std::vector<std::string>& texts) {
  std::vector<Line> lines;
  lines.reserve(texts.size());
  for (const std::string& text : texts) lines.push_back(Parse(text));
  return lines;
}

absl::flat_hash_set<std::string> NamesIn(const std::vector<Line>& lines) {
  absl::flat_hash_set<std::string> names;
  for (const Line& line : lines) {
    for (size_t i = 1; i < line.pieces.size(); i += 2) names.insert(line.pieces[i]);
  }
  return names;
}

std::string Mapped(const Names& names, const std::string& name) {
  const auto it = names.find(name);
  return it == names.end() ? name : it->second;
}

// The line as text, with its values renamed; without its result's name if `anonymous`.
std::string Key(const Line& line, const Names& names, bool anonymous = false) {
  std::string key;
  for (size_t i = 0; i < line.pieces.size(); ++i) {
    if (anonymous && i == 1) continue;
    absl::StrAppend(&key, i % 2 == 0 ? "" : "%",
                    i % 2 == 0 ? line.pieces[i] : Mapped(names, line.pieces[i]));
  }
  return key;
}

// Which values of `before` go by another name in `after`: those whose definition is there under
// another name, and those that are gone where every unchanged reader agrees on what it reads now.
class Renaming {
 public:
  Renaming(const std::vector<Line>& before, const std::vector<Line>& after)
      : before_(before), after_(after), old_names_(NamesIn(before)), new_names_(NamesIn(after)) {
    while (AddDefinitions() | AddReaders()) {
    }
  }

  const Names& names() const { return names_; }

 private:
  bool CanMap(const std::string& name) const {
    return !new_names_.contains(name) && !names_.contains(name);
  }

  bool AddDefinitions() {
    absl::flat_hash_map<std::string, std::string> added;  // text without result -> its name
    for (const Line& line : after_) {
      const std::string result = Result(line);
      if (!result.empty() && !old_names_.contains(result)) {
        added.try_emplace(Key(line, {}, true), result);
      }
    }
    bool changed = false;
    for (const Line& line : before_) {
      const std::string result = Result(line);
      if (result.empty() || !CanMap(result)) continue;
      const auto it = added.find(Key(line, names_, true));
      if (it == added.end()) continue;
      names_.emplace(result, it->second);
      added.erase(it);
      changed = true;
    }
    return changed;
  }

  bool AddReaders() {
    absl::flat_hash_map<std::string, const Line*> by_result;
    for (const Line& line : after_) by_result.try_emplace(Result(line), &line);
    Names wanted;
    absl::flat_hash_set<std::string> disputed;
    for (const Line& line : before_) {
      const std::string result = Result(line);
      const auto it = by_result.find(Mapped(names_, result));
      if (result.empty() || it == by_result.end() ||
          it->second->pieces.size() != line.pieces.size())
        continue;
      const Line& now = *it->second;
      Names votes;
      bool same = true;
      for (size_t i = 0; i < line.pieces.size() && same; ++i) {
        const std::string piece = i % 2 == 0 ? line.pieces[i] : Mapped(names_, line.pieces[i]);
        if (piece == now.pieces[i]) continue;
        same = i % 2 == 1 && CanMap(piece);
        if (same) votes.try_emplace(piece, now.pieces[i]);
      }
      if (!same) continue;
      for (const auto& [name, to] : votes) {
        if (wanted.try_emplace(name, to).first->second != to) disputed.insert(name);
      }
    }
    bool changed = false;
    for (const auto& [name, to] : wanted) {
      if (disputed.contains(name)) continue;
      names_.emplace(name, to);
      changed = true;
    }
    return changed;
  }

  const std::vector<Line>& before_;
  const std::vector<Line>& after_;
  absl::flat_hash_set<std::string> old_names_, new_names_;
  Names names_;
};

// Pairs (before, after) of equal lines in the order of both: the longest increasing subsequence of
// the pairs that share a key, the k-th such line with the k-th. That is the longest common
// subsequence, as a statement's key occurs once (Hunt and Szymanski, 1977).
std::vector<std::pair<size_t, size_t>> CommonLines(const std::vector<Line>& before,
                                                   const std::vector<Line>& after,
                                                   const Names& names) {
  absl::flat_hash_map<std::string, std::vector<size_t>> places;
  for (size_t i = after.size(); i > 0; --i) places[Key(after[i - 1], {})].push_back(i - 1);
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t i = 0; i < before.size(); ++i) {
    const auto it = places.find(Key(before[i], names));
    if (it == places.end() || it->second.empty()) continue;
    pairs.emplace_back(i, it->second.back());
    it->second.pop_back();
  }
  // tails[n]: the pair with the smallest end of all increasing sequences of n + 1 pairs.
  std::vector<size_t> tails, previous(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto it =
        std::lower_bound(tails.begin(), tails.end(), pairs[i].second,
                         [&](size_t tail, size_t end) { return pairs[tail].second < end; });
    previous[i] = it == tails.begin() ? pairs.size() : *std::prev(it);
    if (it == tails.end()) {
      tails.push_back(i);
    } else {
      *it = i;
    }
  }
  std::vector<std::pair<size_t, size_t>> common;
  for (size_t i = tails.empty() ? pairs.size() : tails.back(); i < pairs.size(); i = previous[i]) {
    common.push_back(pairs[i]);
  }
  std::reverse(common.begin(), common.end());
  return common;
}

class Writer {
 public:
  void Put(char mark, const std::string& text) {
    Flush();
    changed_ = true;
    lines_.push_back({mark, text});
  }
  void PutUnchanged() { ++unchanged_; }
  // The lines; none if nothing changed.
  std::vector<DiffLine> Take() {
    Flush();
    return changed_ ? std::move(lines_) : std::vector<DiffLine>();
  }

 private:
  void Flush() {
    if (unchanged_ > 0) {
      lines_.push_back({' ', absl::StrCat("  ... ", std::exchange(unchanged_, 0), " unchanged")});
    }
  }

  std::vector<DiffLine> lines_;
  int unchanged_ = 0;
  bool changed_ = false;
};

SectionDiff DiffSection(const std::string& name, const std::vector<std::string>& old_texts,
                        const std::vector<std::string>& new_texts) {
  const std::vector<Line> before = ParseAll(old_texts);
  const std::vector<Line> after = ParseAll(new_texts);
  const Names names = Renaming(before, after).names();
  std::vector<std::pair<size_t, size_t>> common = CommonLines(before, after, names);
  common.emplace_back(before.size(), after.size());
  Writer writer;
  size_t b = 0, a = 0;
  for (const auto& [old_end, new_end] : common) {
    while (b < old_end) writer.Put('-', before[b++].text);
    while (a < new_end) writer.Put('+', after[a++].text);
    if (b == before.size()) break;
    if (before[b].place == after[a].place) {
      writer.PutUnchanged();
    } else {
      writer.Put('~', after[a].text);
    }
    ++b;
    ++a;
  }
  SectionDiff diff{name, writer.Take()};
  std::vector<std::string> renamed;
  for (const auto& [from, to] : names) renamed.push_back(absl::StrCat("%", from, " is now %", to));
  std::sort(renamed.begin(), renamed.end());
  if (!diff.lines.empty() && !renamed.empty()) {
    diff.lines.push_back({' ', absl::StrCat("  ", absl::StrJoin(renamed, ", "))});
  }
  return diff;
}

const Section* Find(const std::vector<Section>& sections, const std::string& name) {
  for (const Section& section : sections) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

}  // namespace

std::vector<Section> SectionsOf(absl::string_view module_text) {
  std::vector<Section> sections = {{"declarations", {}}};
  for (absl::string_view line : absl::StrSplit(module_text, '\n')) {
    if (!absl::ConsumePrefix(&line, "  ") || line == "}") continue;
    if (line == "load {") {
      sections.push_back({"load", {}});
      continue;
    }
    if (absl::StartsWith(line, "passes ")) continue;
    if (absl::StartsWith(line, "func @")) {
      const absl::string_view name = line.substr(5, line.find_first_of("[(") - 5);
      sections.push_back({std::string(name), {}});
    }
    sections.back().lines.emplace_back(line);
  }
  if (sections.front().lines.empty()) sections.erase(sections.begin());
  return sections;
}

std::vector<SectionDiff> Diff(absl::string_view before, absl::string_view after) {
  const std::vector<Section> old_sections = SectionsOf(before);
  const std::vector<Section> new_sections = SectionsOf(after);
  std::vector<SectionDiff> diffs;
  for (const Section& section : new_sections) {
    const Section* old = Find(old_sections, section.name);
    diffs.push_back(DiffSection(
        section.name, old == nullptr ? std::vector<std::string>() : old->lines, section.lines));
  }
  for (const Section& section : old_sections) {
    if (Find(new_sections, section.name) == nullptr) {
      diffs.push_back(DiffSection(section.name, section.lines, {}));
    }
  }
  diffs.erase(std::remove_if(diffs.begin(), diffs.end(),
                             [](const SectionDiff& diff) { return diff.lines.empty(); }),
              diffs.end());
  return diffs;
}

std::string DiffText(const std::vector<SectionDiff>& diff, bool color) {
  const auto code = [&](char mark) -> absl::string_view {
    if (!color) return "";
    return mark == '-'   ? "\033[31m"
           : mark == '+' ? "\033[32m"
           : mark == '~' ? "\033[33m"
                         : "\033[2m";
  };
  const absl::string_view bold = color ? "\033[1m" : "";
  const absl::string_view reset = color ? "\033[0m" : "";
  std::string text;
  for (const SectionDiff& section : diff) {
    absl::StrAppend(&text, bold, section.name, reset, "\n");
    for (const DiffLine& line : section.lines) {
      absl::StrAppend(&text, code(line.mark), std::string(1, line.mark), " ", line.text, reset,
                      "\n");
    }
  }
  return text;
}

}  // namespace lluda::ir
