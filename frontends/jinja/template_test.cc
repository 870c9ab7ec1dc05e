#include "frontends/jinja/template.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lluda::jinja {
namespace {

absl::StatusOr<Text> Render(const std::string& source, const std::string& user_text) {
  const absl::StatusOr<Template> parsed = Template::Parse(source, "a.jinja");
  if (!parsed.ok()) return parsed.status();
  Heap heap;
  Dict* message = heap.NewDict();
  message->Set("content", Value::String(user_text, Origin::kUser));
  List* list = heap.NewList();
  list->items.push_back(Value::String(user_text, Origin::kUser));
  list->items.push_back(Value::String("!", Origin::kTemplate));
  return parsed->Render({{"message", Value::Of(message)},
                         {"list", Value::Of(list)},
                         {"text", Value::String(user_text, Origin::kUser)}},
                        &heap, std::tm());
}

// The text with what the user wrote in angle brackets.
std::string Marked(const std::string& source, const std::string& user_text = "Usér") {
  const absl::StatusOr<Text> text = Render(source, user_text);
  if (!text.ok()) return std::string(text.status().message());
  std::string marked;
  size_t begin = 0;
  for (const Text::Run& run : text->runs()) {
    const std::string part = text->bytes().substr(begin, run.end - begin);
    marked += run.origin == Origin::kUser ? absl::StrCat("<", part, ">") : part;
    begin = run.end;
  }
  return marked;
}

TEST(TemplateTest, WhatTheUserWroteStaysTheirs) {
  EXPECT_EQ(Marked("a{{ text }}b"), "a<Usér>b");
  EXPECT_EQ(Marked("{{ 'a' + message.content + 'b' }}"), "a<Usér>b");
  EXPECT_EQ(Marked("{{ 'a' ~ text ~ 1 }}"), "a<Usér>1");
  EXPECT_EQ(Marked("{{ ('ab' + text)[1:4] }}"), "b<Us>");
  EXPECT_EQ(Marked("{{ ('ab' + text)[::-1] }}"), "<résU>ba");
  EXPECT_EQ(Marked("{{ ('ab' + text)|upper }}"), "AB<USÉR>");
  EXPECT_EQ(Marked("{{ (' a' + text + ' ')|trim }}"), "a<Usér>");
  EXPECT_EQ(Marked("{{ list|join('-') }}"), "<Usér>-!");
  EXPECT_EQ(Marked("{{ 'a.b'.replace('.', text) }}"), "a<Usér>b");
  EXPECT_EQ(Marked("{{ text.replace('s', '.') }}"), "<U>.<ér>");
  EXPECT_EQ(Marked("{{ text.split('s')[1] }}"), "<ér>");
  EXPECT_EQ(Marked("{% set x %}a{{ text }}{% endset %}{{ x }}"), "a<Usér>");
  EXPECT_EQ(Marked("{% macro m(x) %}a{{ x }}{% endmacro %}{{ m(text) }}"), "a<Usér>");
  EXPECT_EQ(Marked("{% filter indent(2, true) %}{{ text }}{% endfilter %}"), "  <Usér>");
  EXPECT_EQ(Marked("{% for c in text %}{{ c }},{% endfor %}"), "<U>,<s>,<é>,<r>,");
  EXPECT_EQ(Marked("{{ list[0] }}{{ text[0] }}{{ list|first }}"), "<UsérUUsér>");
}

TEST(TemplateTest, ListsMappingsAndJsonAreTheUsers) {
  EXPECT_EQ(Marked("a{{ list }}"), "a<['Usér', '!']>");
  EXPECT_EQ(Marked("a{{ message|tojson }}"), "a<{\"content\": \"Usér\"}>");
  EXPECT_EQ(Marked("a{{ list|string }}"), "a<['Usér', '!']>");
}

TEST(TemplateTest, WhatTheUserWroteIsNotReadAsATemplate) {
  EXPECT_EQ(Marked("{{ text }}", "{{ 1 + 1 }}{% if %}{#"), "<{{ 1 + 1 }}{% if %}{#>");
}

TEST(TemplateTest, ErrorsNameTemplateLineAndColumn) {
  EXPECT_EQ(
      Render("a\n  {{ message.x.y }}", "").status(),
      absl::InvalidArgumentError("a.jinja: line 2, column 15: 'dict object' has no attribute 'x'"));
  EXPECT_EQ(
      Render("a\n{% if text %}", "").status(),
      absl::InvalidArgumentError("a.jinja: line 2, column 14: unexpected end of the template, "
                                 "expected '{% elif %}' or '{% else %}' or '{% endif %}'"));
  EXPECT_EQ(Render("{{ raise_exception('no\nway') }}", "").status(),
            absl::FailedPreconditionError("a.jinja: line 1, column 19: no way"));
  EXPECT_EQ(Render("{{ text|nope }}", "").status(),
            absl::InvalidArgumentError("a.jinja: line 1, column 9: there is no filter 'nope'"));
}

TEST(TemplateTest, TagsThatReadOtherFilesAreRefusedByName) {
  for (const std::string tag : {"include", "import", "extends", "from", "block", "call"}) {
    EXPECT_EQ(Render("{% " + tag + " 'x' %}", "").status(),
              absl::UnimplementedError(
                  absl::StrCat("a.jinja: line 1, column 4: the tag '", tag, "' is not supported")));
  }
  EXPECT_EQ(Render("{% for i in list recursive %}{% endfor %}", "").status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(TemplateTest, WhatPythonAndJinja2HaveAndIsNotSupportedIsNamedWhereItIsCalled) {
  const auto error = [](const std::string& expression) {
    const absl::Status status = Render("{{ " + expression + " }}", "").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << expression;
    return std::string(status.message());
  };
  EXPECT_EQ(error("'7'.zfill(3)"), "a.jinja: line 1, column 13: 'zfill' is not supported");
  EXPECT_EQ(error("{}.update({})"), "a.jinja: line 1, column 13: 'update' is not supported");
  EXPECT_EQ(error("[].sort()"), "a.jinja: line 1, column 11: 'sort' is not supported");
  EXPECT_EQ(error("cycler('a', 'b')"), "a.jinja: line 1, column 10: 'cycler' is not supported");
  EXPECT_EQ(Render("{{ cycler is defined }}", "")->bytes(), "True");
}

TEST(TemplateTest, LimitsAreNamed) {
  EXPECT_EQ(
      Render("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "")
          .status()
          .message(),
      "a.jinja: line 1, column 31: the template takes more than 1000000 steps");
  EXPECT_EQ(Render("{{ 'x' * 16777217 }}", "").status().message(),
            "a.jinja: line 1, column 8: a text has more than 16777216 bytes");
  EXPECT_EQ(Render("{{ range(100001) }}", "").status().message(),
            "a.jinja: line 1, column 9: a range has more than 100000 numbers");
  EXPECT_EQ(Render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "").status().message(),
            "a.jinja: line 1, column 20: macros call one another deeper than 200 levels");
}

}  // namespace
}  // namespace lluda::jinja
