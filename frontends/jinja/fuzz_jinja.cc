// Damages templates at random, from a fixed seed: each must end in an error of one line, or in a
// text within the limits, and soon. Under the sanitizers it also finds reads past the end.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/mutate_text.h"
#include "frontends/jinja/template.h"
#include "frontends/jinja/value/from_json.h"
#include "frontends/jinja/value/limits.h"

namespace lluda::jinja {
namespace {

constexpr int kIterations = 20'000;
constexpr char kCases[] = "frontends/jinja/testdata/jinja_cases.jsonl";
constexpr std::chrono::seconds kLongest(100);

constexpr std::string_view kFragments[] = {
    "{%",
    "%}",
    "{{",
    "}}",
    "{#",
    "#}",
    "-",
    "+",
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    ":",
    ",",
    "~",
    "*",
    "**",
    "//",
    "%",
    "==",
    "<",
    "in",
    "not",
    "is",
    "if",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "endset",
    "macro",
    "endmacro",
    "x",
    "l",
    "s",
    "n",
    "loop",
    "loop.previtem",
    "messages",
    ".items()",
    ".split(",
    "|tojson",
    "|join",
    "|list",
    "|map('upper')",
    "|sort",
    "|first",
    "[::-1]",
    "[1:]",
    "[-1]",
    "namespace()",
    "range(100000)",
    "range(-5)",
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "0",
    "none",
    "{% for a in range(99999) %}",
    "{% endfor %}",
    "{% set l = l + l %}",
    "{% set s = s ~ s %}",
    "{% break %}",
    "\xFF",
    "\xC3",
    "日",
    "\\",
    "\\u",
    "raise_exception('x')",
    "strftime_now('%')",
    "m()",
    "{% macro m() %}{{ m() }}{% endmacro %}",
    "|indent(9999)",
    "|replace('', s)",
    "* 999999",
    "|default(",
    ".append(l)",
    ".pop()",
};

// The templates of the cases, and the variables that most of them have.
struct Seeds {
  std::vector<std::string> templates;
  std::string variables;
};

Seeds ReadSeeds() {
  Seeds seeds;
  simdjson::padded_string file;
  EXPECT_EQ(simdjson::padded_string::load(kCases).get(file), simdjson::SUCCESS);
  simdjson::dom::parser parser;
  simdjson::dom::document_stream lines;
  EXPECT_EQ(parser.parse_many(file).get(lines), simdjson::SUCCESS);
  for (const simdjson::simdjson_result<simdjson::dom::element> line : lines) {
    std::string_view source;
    simdjson::dom::element variables;
    if (line["template"].get(source) == simdjson::SUCCESS) {
      seeds.templates.emplace_back(source);
    } else if (line["variables"].get(variables) == simdjson::SUCCESS) {
      seeds.variables = simdjson::minify(variables);
    }
  }
  return seeds;
}

absl::StatusOr<Text> RenderOnce(const std::string& source, const std::string& variables) {
  const absl::StatusOr<Template> parsed = Template::Parse(source, "fuzz");
  if (!parsed.ok()) return parsed.status();
  Heap heap;
  const absl::StatusOr<Value> values = ParseJson(variables, Origin::kUser, &heap);
  if (!values.ok()) return values.status();
  Template::Variables list;
  for (const auto& [key, value] : values->dict()->entries()) list.emplace_back(key.bytes(), value);
  return parsed->Render(list, &heap, std::tm());
}

void ExpectOneLine(const absl::Status& status, const std::string& source) {
  const std::string message(status.message());
  ASSERT_EQ(message.find("fuzz: "), 0u) << message << "\n" << source;
  ASSERT_EQ(message.find('\n'), std::string::npos) << message << "\n" << source;
  ASSERT_TRUE(simdjson::validate_utf8(message.data(), message.size())) << message;
}

void ExpectText(const Text& text, const std::string& source) {
  ASSERT_LE(text.size(), kMostTextBytes);
  ASSERT_TRUE(simdjson::validate_utf8(text.bytes().data(), text.size())) << source;
  size_t end = 0;
  for (const Text::Run& run : text.runs()) {
    ASSERT_GT(run.end, end) << source;
    end = run.end;
  }
  ASSERT_EQ(end, text.size()) << source;
}

TEST(FuzzJinja, EndsInOneLineOrInAText) {
  const Seeds seeds = ReadSeeds();
  std::mt19937 random(20250203);
  int rendered = 0;
  for (int i = 0; i < kIterations && !HasFatalFailure(); ++i) {
    const std::string source =
        base::MutateText(seeds.templates[random() % seeds.templates.size()], kFragments, &random);
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<Text> text = RenderOnce(source, seeds.variables);
    ASSERT_LT(std::chrono::steady_clock::now() - start, kLongest) << source;
    if (text.ok()) {
      ++rendered;
      ExpectText(*text, source);
    } else {
      ExpectOneLine(text.status(), source);
    }
  }
  // Both happen often, or little is tested.
  EXPECT_GT(rendered, kIterations / 10);
  EXPECT_LT(rendered, kIterations * 9 / 10);
}

// Templates that would take for ever, or all of the memory.
TEST(FuzzJinja, EveryGreedyTemplateHasAnEnd) {
  const std::vector<std::string> greedy = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
      "{% set ns = namespace(s='x') %}{% for a in range(999) %}{% set ns.s = ns.s ~ ns.s %}{% "
      "endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for a in range(999) %}{% set ns.l = ns.l + ns.l %}{% "
      "endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for a in range(999) %}{% set ns.l = [ns.l, ns.l] %}{% "
      "endfor %}{{ ns.l }}",
      "{% set ns = namespace(l=[1]) %}{% for a in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% "
      "endfor %}{{ ns.l|tojson }}",
      "{% set ns = namespace(l=(1,)) %}{% for a in range(99) %}{% set ns.l = (ns.l, ns.l) %}{% "
      "endfor %}{{ {ns.l: 1} }}",
      "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(99) %}{% set n.a = [n.a, n.a] %}{% "
      "set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
      "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(99) %}{% set n.a = [n.a, n.a] %}{% "
      "set n.b = [n.b, n.b] %}{% endfor %}{{ n.a < n.b }}",
      "{% set l = [] %}{% set q = l.append(l) %}{{ l }}",
      "{% set l = [] %}{% set q = l.append(l) %}{{ l|tojson }}{{ l == [l] }}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m(x) %}{{ ((((((((((m(x)))))))))))|string|string }}{% endmacro %}{{ m(1) }}",
      "{{ 'x' * 99999999999 }}",
      "{{ [1] * 99999999999 }}",
      "{{ ('x' * 9999999)|indent('y' * 99999) }}",
      "{{ ('\\n' * 9999999)|indent('y' * 99999, true, true) }}",
      "{{ ('x' * 9999999)|replace('x', 'y' * 99999) }}",
      "{{ ('x' * 9999999)|list|length }}",
      "{{ ('x,' * 4999999).split(',')|length }}",
      "{% set s = 'a' * 8000000 %}{% set p = 'a' * 4000000 ~ 'b' %}{% for i in range(9) %}{{ p in "
      "s }}{% endfor %}",
      "{% set s = 'a' * 8000000 %}{% for i in range(99999) %}{{ s|length }}{% endfor %}",
      "{% set s = 'a' * 8000000 %}{% for i in range(99999) %}{% set x = s|upper %}{% endfor %}",
      "{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}",
      "{{ range(99999)|join('x' * 9999) }}",
      "{% for i in range(99999) %}{% set x = range(99999)|list|sort(reverse=true) %}{% endfor %}",
      "{% set d = {} %}{% for i in range(99999) %}{{ {'a': 1, 'b': 2}.pop('a') }}{% endfor %}",
      "{% set s = 'a' * 8000000 %}{% set c = 'b' * 8000000 ~ 'a' %}{{ s.strip(c) }}{{ ('a ' * "
      "99999).rsplit(none, 99998)|length }}",
      "{{ strftime_now('%9999999d') }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ 2 ** 63 }}",
      "{{ -9223372036854775807 - 2 }}",
      std::string(300, '(') + "1",
      "{{ " + std::string(100000, '(') + "1",
      "{{ " + std::string(100000, '[') + "1",
      "{{ " + std::string(100000, '-') + "1 }}",
      "{{ x" + std::string(100000, '.') + " }}",
      std::string(kMostSourceBytes + 1, 'x'),
  };
  for (const std::string& source : greedy) {
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<Text> text = RenderOnce(source, "{\"x\": 1}");
    EXPECT_LT(std::chrono::steady_clock::now() - start, kLongest) << source.substr(0, 200);
    if (text.ok()) {
      ExpectText(*text, source.substr(0, 200));
    } else {
      ExpectOneLine(text.status(), source.substr(0, 200));
    }
  }
}

// `count` times, and between two of them a separator.
std::string Repeated(std::string_view part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

TEST(FuzzJinja, DeepTreesAreRefused) {
  for (const std::string& source :
       {"{{ 1" + Repeated(" + 1", 5000) + " }}", "{{ x" + Repeated(".a", 5000) + " }}",
        "{{ x" + Repeated("|string", 5000) + " }}", "{{ " + Repeated("not ", 5000) + "x }}",
        "{{ x" + Repeated(" if x else x", 5000) + " }}", "{{ x" + Repeated("(1)", 5000) + " }}",
        "{{ x" + Repeated(" is defined", 1) + Repeated(" and x", 5000) + " }}",
        Repeated("{% if x %}", 5000) + "a" + Repeated("{% endif %}", 5000),
        Repeated("{% for a in x %}", 5000), Repeated("{% set x %}", 5000),
        "{% set " + Repeated("(", 5000) + "x", "{{ " + Repeated("{1: ", 5000)}) {
    const absl::StatusOr<Template> parsed = Template::Parse(source, "fuzz");
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kResourceExhausted)
        << source.substr(0, 40) << ": " << parsed.status();
  }
}

}  // namespace
}  // namespace lluda::jinja
