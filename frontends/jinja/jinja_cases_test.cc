// Holds the interpreter against Jinja2, byte for byte: testdata/jinja_cases.jsonl is what it
// rendered, or the kind of error that it ended in.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <ctime>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "frontends/jinja/template.h"
#include "frontends/jinja/value/from_json.h"

namespace lluda::jinja {
namespace {

constexpr char kCases[] = "frontends/jinja/testdata/jinja_cases.jsonl";
constexpr int kFewestCases = 1000;

// Monday, 2025-02-03 04:05:06.
std::tm Now() {
  std::tm now = {};
  now.tm_year = 125;
  now.tm_mon = 1;
  now.tm_mday = 3;
  now.tm_hour = 4;
  now.tm_min = 5;
  now.tm_sec = 6;
  now.tm_wday = 1;
  now.tm_yday = 33;
  return now;
}

Template::Variables VariablesOf(simdjson::dom::element json, Heap* heap) {
  const absl::StatusOr<Value> value = ParseJson(simdjson::minify(json), Origin::kUser, heap);
  EXPECT_TRUE(value.ok()) << value.status();
  Template::Variables variables;
  for (const auto& [key, item] : value->dict()->entries()) {
    variables.emplace_back(key.bytes(), item);
  }
  return variables;
}

std::string Field(simdjson::dom::element object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

// One line that names the template and a place in it.
void ExpectPlace(const absl::Status& status, const std::string& source) {
  EXPECT_TRUE(absl::StartsWith(status.message(), "case: line ")) << status << "\n" << source;
  EXPECT_FALSE(absl::StrContains(status.message(), "\n")) << status;
}

void ExpectError(simdjson::dom::element test_case, const absl::Status& parsed,
                 const absl::StatusOr<Text>& rendered) {
  const std::string source = Field(test_case, "template");
  const std::string kind = Field(test_case, "error");
  if (kind == "syntax") {
    ASSERT_FALSE(parsed.ok()) << source << "\nis no syntax error";
    ExpectPlace(parsed, source);
    return;
  }
  ASSERT_TRUE(parsed.ok()) << parsed << "\n" << source;
  ASSERT_FALSE(rendered.ok()) << source << "\nrendered: " << rendered->bytes();
  ExpectPlace(rendered.status(), source);
  if (kind != "raised") return;
  EXPECT_EQ(rendered.status().code(), absl::StatusCode::kFailedPrecondition) << source;
  std::string message = Field(test_case, "message");
  for (char& c : message) c = c == '\n' ? ' ' : c;
  EXPECT_TRUE(absl::EndsWith(rendered.status().message(), absl::StrCat(": ", message)))
      << rendered.status();
}

TEST(JinjaCases, RenderWhatJinja2Renders) {
  simdjson::padded_string file;
  ASSERT_EQ(simdjson::padded_string::load(kCases).get(file), simdjson::SUCCESS);
  simdjson::dom::parser parser, shared_parser;
  simdjson::dom::document_stream cases;
  ASSERT_EQ(parser.parse_many(file).get(cases), simdjson::SUCCESS);
  std::string shared;  // the variables of cases that have none of their own
  int count = 0;
  for (const simdjson::simdjson_result<simdjson::dom::element> line : cases) {
    simdjson::dom::element test_case;
    ASSERT_EQ(line.get(test_case), simdjson::SUCCESS);
    simdjson::dom::element variables;
    const bool has_variables = test_case["variables"].get(variables) == simdjson::SUCCESS;
    if (shared.empty()) {
      ASSERT_TRUE(has_variables);
      shared = simdjson::minify(variables);
      continue;
    }
    if (!has_variables) {
      ASSERT_EQ(shared_parser.parse(shared).get(variables), simdjson::SUCCESS);
    }
    ++count;
    const std::string source = Field(test_case, "template");
    const absl::StatusOr<Template> parsed = Template::Parse(source, "case");
    Heap heap;
    absl::StatusOr<Text> rendered = absl::UnknownError("not parsed");
    if (parsed.ok()) rendered = parsed->Render(VariablesOf(variables, &heap), &heap, Now());
    if (!Field(test_case, "error").empty()) {
      ExpectError(test_case, parsed.status(), rendered);
      continue;
    }
    if (!parsed.ok() || !rendered.ok()) {
      ADD_FAILURE() << source << "\n" << parsed.status() << "\n" << rendered.status();
      continue;
    }
    EXPECT_EQ(rendered->bytes(), Field(test_case, "text")) << source;
  }
  EXPECT_GE(count, kFewestCases);
}

}  // namespace
}  // namespace lluda::jinja
