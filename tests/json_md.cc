#include "tests/json_md.h"

#include <fstream>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/json/json.h"

namespace lluda::tests {
namespace {

using simdjson::dom::element_type;

constexpr char kSchema[] = "schema";

// "a" of "`a`", or "" if that is not how the text starts.
std::string Quoted(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "`")) return "";
  return std::string(text.substr(0, text.find('`')));
}

// As the page calls it.
std::string TypeOf(simdjson::dom::element value) {
  switch (value.type()) {
    case element_type::ARRAY: {
      const simdjson::dom::array list = value.get_array().value_unsafe();
      return list.begin() == list.end() ? "list"
                                        : absl::StrCat("list of ", TypeOf(*list.begin()), "s");
    }
    case element_type::OBJECT:
      return "object";
    case element_type::INT64:
    case element_type::UINT64:
      return "integer";
    case element_type::DOUBLE:
      return "number";
    case element_type::STRING:
      return "string";
    case element_type::BOOL:
      return "boolean";
    case element_type::NULL_VALUE:
      break;
  }
  return "null";
}

bool IsOf(absl::string_view type, const std::string& value) {
  const bool or_null = absl::ConsumeSuffix(&type, " or null");
  if (value == "null") return or_null;
  if (value == "integer") return type == "integer" || type == "number";
  return absl::StartsWith(value, "list of list") ? type == "list of lists"
                                                 : absl::StartsWith(type, value);
}

}  // namespace

JsonManual JsonManual::Load(const std::string& path) {
  JsonManual manual;
  std::ifstream file(path);
  std::string schema;
  bool in_example = false;
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "## ")) schema.clear();
    if (absl::StartsWith(line, "`lluda.")) schema = Quoted(line);
    if (line == "```" && in_example) {
      in_example = false;
    } else if (line == "```json") {
      in_example = true;
      manual.examples_.emplace_back();
    } else if (in_example) {
      absl::StrAppend(&manual.examples_.back(), line, "\n");
    }
    if (!schema.empty() && absl::StartsWith(line, "| `")) manual.AddRow(schema, line);
  }
  manual.Expand();
  return manual;
}

void JsonManual::AddRow(const std::string& schema, const std::string& line) {
  const std::vector<std::string> cells = absl::StrSplit(line, '|');
  if (cells.size() != 7) {
    problems_.push_back(absl::StrCat("has not five cells: ", line));
    return;
  }
  const std::string type(absl::StripAsciiWhitespace(cells[2]));
  if (!documents_[schema].emplace(Quoted(cells[1].substr(1)), type).second) {
    problems_.push_back(absl::StrCat("stands twice: ", line));
  }
}

void JsonManual::Expand() {
  for (auto& [schema, fields] : documents_) {
    Fields expanded;
    for (const auto& [path, type] : fields) {
      absl::string_view target = type;
      if (!absl::ConsumePrefix(&target, "as ")) {
        expanded.emplace(path, type);
        continue;
      }
      // "lluda.explain/1", "lluda.validate/1 cache_error" or "prefills[]"
      std::string other = Quoted(target), prefix;
      if (absl::StartsWith(other, "lluda.")) {
        const size_t space = other.find(' ');
        prefix = space == std::string::npos ? "" : other.substr(space + 1) + ".";
        other = other.substr(0, space);
      } else {
        prefix = other + ".";
        other = schema;
      }
      if (!absl::EndsWith(path, "[]")) expanded.emplace(path, "object");
      size_t taken = 0;
      for (const auto& [field, of_field] : documents_[other]) {
        if (!absl::StartsWith(field, prefix)) continue;
        expanded.emplace(absl::StrCat(path, ".", field.substr(prefix.size())), of_field);
        ++taken;
      }
      if (taken == 0) problems_.push_back(absl::StrCat(schema, ": ", path, " is as nothing"));
    }
    fields = std::move(expanded);
  }
}

std::vector<std::string> JsonManual::Check(const std::string& json) {
  const auto document = base::JsonDocument::Parse("document", json);
  if (!document.ok()) return {std::string(document.status().message())};
  const simdjson::dom::object root = document->root().dom();
  const simdjson::dom::key_value_pair first = *root.begin();
  std::string_view schema;
  if (first.key != kSchema || first.value.get(schema)) return {"starts without its schema"};
  const auto found = documents_.find(std::string(schema));
  if (found == documents_.end()) return {absl::StrCat("has no table: ", std::string(schema))};
  std::vector<std::string> wrong;
  WalkObject(found->first, "", root, &wrong);
  return wrong;
}

void JsonManual::Walk(const std::string& schema, const std::string& path,
                      simdjson::dom::element value, std::vector<std::string>* wrong) {
  if (value.is_array()) {
    const simdjson::dom::array list = value.get_array().value_unsafe();
    for (const simdjson::dom::element item : list) {
      Walk(schema, path + "[]", item, wrong);
    }
  }
  if (value.is_object()) WalkObject(schema, path, value.get_object().value_unsafe(), wrong);
}

void JsonManual::WalkObject(const std::string& schema, const std::string& path,
                            simdjson::dom::object object, std::vector<std::string>* wrong) {
  const Fields& fields = documents_[schema];
  for (const simdjson::dom::key_value_pair field : object) {
    if (path.empty() && field.key == kSchema) continue;
    const std::string prefix = path.empty() ? "" : path + ".";
    std::string name = prefix + std::string(field.key);
    if (fields.count(name) == 0 && fields.count(prefix + "*") == 1) name = prefix + "*";
    const auto known = fields.find(name);
    const std::string type = TypeOf(field.value);
    if (known == fields.end()) {
      wrong->push_back(absl::StrCat(schema, " ", name, ": is not in the page"));
    } else if (!IsOf(known->second, type)) {
      wrong->push_back(absl::StrCat(schema, " ", name, ": is ", type, ", not ", known->second));
    }
    seen_[schema].insert(name);
    Walk(schema, name, field.value, wrong);
  }
}

std::vector<std::string> JsonManual::Unseen() const {
  std::vector<std::string> unseen;
  for (const auto& [schema, fields] : documents_) {
    const auto seen = seen_.find(schema);
    for (const auto& [path, type] : fields) {
      if (seen != seen_.end() && seen->second.count(path) == 1) continue;
      unseen.push_back(absl::StrCat(schema, " ", path));
    }
  }
  return unseen;
}

std::vector<std::string> JsonManual::schemas() const {
  std::vector<std::string> names;
  for (const auto& [schema, fields] : documents_) names.push_back(schema);
  return names;
}

}  // namespace lluda::tests
