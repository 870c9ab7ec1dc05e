// docs/model_files.md has a row for every field that the readers know, and no other.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontends/families/config_fields.h"
#include "frontends/field_table.h"
#include "frontends/generation_config.h"
#include "frontends/quantised/scheme.h"

namespace lluda::frontends::families {
namespace {

struct DocumentedField {
  std::string use;
  std::string text;
};
using Table = std::map<std::string, DocumentedField>;

std::vector<std::string> Lines() {
  std::ifstream file("docs/model_files.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// The rows of the first table below the line that starts with `heading`.
Table TableBelow(absl::string_view heading) {
  Table table;
  bool below = false;
  for (const std::string& line : Lines()) {
    below |= absl::StartsWith(line, heading);
    if (!below) continue;
    if (!absl::StartsWith(line, "|") && !table.empty()) break;
    if (!absl::StartsWith(line, "| `")) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, '|');
    if (cells.size() != 5) {
      ADD_FAILURE() << line;
      continue;
    }
    const auto cell = [&](size_t i) { return std::string(absl::StripAsciiWhitespace(cells[i])); };
    std::string key = cell(1);
    key = key.substr(1, key.size() - 2);
    EXPECT_TRUE(table.emplace(key, DocumentedField{cell(2), cell(3)}).second) << key;
  }
  return table;
}

// `refused` is how the document calls the refused fields.
void ExpectSame(const Table& document, absl::Span<const FieldRow> rows, absl::string_view refused) {
  EXPECT_EQ(document.size(), rows.size());
  for (const FieldRow& row : rows) {
    const auto found = document.find(row.key);
    ASSERT_NE(found, document.end()) << row.key << " is not in the document";
    EXPECT_EQ(found->second.use, row.use == FieldUse::kUsed      ? "used"
                                 : row.use == FieldUse::kIgnored ? "ignored"
                                                                 : refused)
        << row.key;
    if (row.use == FieldUse::kIgnored) {
      EXPECT_FALSE(found->second.text.empty()) << row.key << " is ignored without a reason";
    }
    if (row.use != FieldUse::kRefused) continue;
    // What it may hold is said, in JSON's spelling but for what is empty.
    for (const absl::string_view word : absl::StrSplit(row.neutral, ' ', absl::SkipEmpty())) {
      const bool is_empty = word == "[]" || word == "{}";
      EXPECT_TRUE(absl::StrContains(found->second.text, is_empty ? "empty" : word))
          << row.key << ": " << word;
    }
  }
}

TEST(ModelFilesMd, DescribesEveryFieldThatFamiliesHaveInCommon) {
  ExpectSame(TableBelow("## config.json"), CommonFields(), "refused");
}

TEST(ModelFilesMd, DescribesEveryFieldThatAFamilyHasBesideThem) {
  for (const Family* family : AllFamilies()) {
    SCOPED_TRACE(family->model_type);
    ExpectSame(TableBelow(absl::StrCat("#### `", family->model_type, "`")), family->fields,
               "refused");
  }
}

TEST(ModelFilesMd, HasARowWithTheDefaultsOfEachFamily) {
  const std::vector<std::string> lines = Lines();
  for (const Family* family : AllFamilies()) {
    const Defaults& defaults = family->defaults;
    const auto number = [](int64_t value, absl::string_view zero) {
      if (value == kRequired) return std::string("required");
      return value == 0 ? std::string(zero) : absl::StrCat(value);
    };
    const std::string row =
        absl::StrCat("| `", family->model_type, "` | `", family->architecture, "` | ",
                     number(defaults.num_key_value_heads, "all"), " | ",
                     number(defaults.head_dim, "hidden / heads"), " | ", defaults.rms_norm_eps,
                     " | ", defaults.rope_theta, " | ", defaults.tie_word_embeddings ? "yes" : "no",
                     " | ", family->rope_types, " |");
    EXPECT_EQ(std::count(lines.begin(), lines.end(), row), 1) << row;
  }
}

TEST(ModelFilesMd, DescribesEveryFieldOfRopeParameters) {
  ExpectSame(TableBelow("Of `rope_parameters` and `rope_scaling`:"), CommonRopeFields(), "refused");
}

TEST(ModelFilesMd, DescribesEveryFieldOfRopeParametersThatATextPartHasBesideThem) {
  int described = 0;
  for (const Family* family : AllFamilies()) {
    const Family* text = family;
    while (text->text != nullptr) text = text->text;
    if (text->rope_fields.empty()) continue;
    SCOPED_TRACE(family->model_type);
    ExpectSame(TableBelow("Of `rope_parameters` and `rope_scaling` in `text_config`"),
               text->rope_fields, "refused");
    ++described;
  }
  EXPECT_EQ(described, 1) << "the table is that of one family";
}

TEST(ModelFilesMd, DescribesEveryFieldOfQuantisedFolders) {
  for (const quantised::SchemeFields& scheme : quantised::AllSchemeFields()) {
    SCOPED_TRACE(scheme.object);
    ExpectSame(TableBelow(absl::StrCat("#### ", scheme.object)), scheme.fields, "refused");
  }
}

TEST(ModelFilesMd, DescribesEveryFieldOfTheGenerationConfig) {
  ExpectSame(TableBelow("## generation_config.json"), GenerationFields(), "noted");
}

}  // namespace
}  // namespace lluda::frontends::families
