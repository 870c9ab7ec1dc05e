#include "engine/grammar/json/schema_document.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/json/json.h"
#include "base/json/parse_json.h"
#include "base/status_macros.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/json/schema_keys.h"

namespace lluda::grammar {
namespace {

using simdjson::dom::element;

// JSON inside JSON: a schema in another is two levels deeper, and values lie in the deepest.
constexpr size_t kMaxJsonDepth = 2 * kMaxSchemaDepth + 32;
// Schemas that stand for one another.
constexpr size_t kMaxInPlace = 64;

constexpr absl::string_view kReferenceStart = "#/$defs/";

Types TypesOfKey(const element& value) {
  std::string_view name;
  if (!value.get(name)) return *TypesNamed(base::ToAbsl(name));
  Types types = 0;
  for (const element& item : simdjson::dom::array(value.get_array().value_unsafe())) {
    types |= TypesOfKey(item);
  }
  return types;
}

// Equal for equal values: JSON Schema takes 1 and 1.0 for one.
std::string CanonicalText(const element& value) {
  double number = 0;
  if (!value.get(number)) return absl::StrFormat("%.17g", number);
  return simdjson::minify(value);
}

}  // namespace

absl::Status SchemaError(absl::StatusCode code, absl::string_view pointer,
                         absl::string_view message) {
  return absl::Status(code, absl::StrCat(base::QuoteName(pointer), ": ", message));
}

SchemaPlace SchemaPlace::Below(const element& below, absl::string_view keyword) const {
  return {below, absl::StrCat(pointer, "/", keyword), depth + 1};
}

SchemaPlace SchemaPlace::Below(const element& below, absl::string_view keyword,
                               absl::string_view part) const {
  return {below,
          absl::StrCat(pointer, "/", keyword, "/",
                       absl::StrReplaceAll(part, {{"~", "~0"}, {"/", "~1"}})),
          depth + 1};
}

std::optional<element> PlainSchema::Find(absl::string_view key) const {
  element value;
  if (place.schema.at_key(base::ToStd(key)).get(value)) return std::nullopt;
  return value;
}

bool PlainSchema::HasKeyOf(KeywordKind kind) const {
  simdjson::dom::object schema;
  if (place.schema.get(schema)) return false;
  for (const auto& field : schema) {
    if (FindKeyword(base::ToAbsl(field.key)) == kind) return true;
  }
  return false;
}

std::optional<std::vector<element>> PlainSchema::Values() const {
  const std::optional<element> constant = Find("const");
  const std::optional<element> list = Find("enum");
  if (!constant && !list) return std::nullopt;
  std::vector<element> values;
  if (list) {
    for (const element& item : simdjson::dom::array(list->get_array().value_unsafe())) {
      if (!constant || CanonicalText(item) == CanonicalText(*constant)) values.push_back(item);
    }
  } else {
    values.push_back(*constant);
  }
  values.erase(std::remove_if(values.begin(), values.end(),
                              [this](const element& v) { return (TypeOf(v) & types) == 0; }),
               values.end());
  return values;
}

absl::StatusOr<std::unique_ptr<SchemaDocument>> SchemaDocument::Parse(absl::string_view text) {
  if (text.size() > kMaxSourceBytes) {
    return SchemaError(absl::StatusCode::kResourceExhausted, "#",
                       absl::StrCat("the schema has ", text.size(), " bytes, at most ",
                                    kMaxSourceBytes, " are read"));
  }
  std::unique_ptr<SchemaDocument> document(new SchemaDocument);
  const auto invalid = [](absl::string_view message) {
    return SchemaError(absl::StatusCode::kInvalidArgument, "#", message);
  };
  if (text.empty()) return invalid("the schema is empty, not JSON");
  const simdjson::error_code code = base::ParseJson(base::ToStd(text), kMaxJsonDepth,
                                                    &document->parser_, &document->root_.schema);
  if (code == simdjson::DEPTH_ERROR) {
    return SchemaError(absl::StatusCode::kResourceExhausted, "#",
                       absl::StrCat("the schema is nested deeper than ", kMaxJsonDepth));
  }
  if (code) {
    return invalid(
        absl::StrCat("the schema is not valid JSON: ", base::WhyInvalid(base::ToStd(text), code)));
  }
  if (!document->root_.schema.is_object() && !document->root_.schema.is_bool()) {
    return invalid(absl::StrCat("the schema must be an object, is ",
                                base::DescribeJson(document->root_.schema)));
  }
  document->root_.pointer = "#";
  return document;
}

absl::Status SchemaDocument::CountNodes(size_t count) {
  nodes_ += count;
  if (nodes_ <= static_cast<size_t>(kMaxSchemaNodes)) return absl::OkStatus();
  return SchemaError(absl::StatusCode::kResourceExhausted, "#",
                     absl::StrCat("the schema is too complex: it has more than ", kMaxSchemaNodes,
                                  " schemas, properties and enumerated values"));
}

absl::StatusOr<SchemaPlace> SchemaDocument::Resolve(const SchemaPlace& place,
                                                    absl::string_view reference) const {
  if (reference == "#") return root_;
  const auto error = [&](absl::StatusCode code, absl::string_view message) {
    return SchemaError(code, place.pointer,
                       absl::StrCat("'$ref' to '", base::QuoteName(reference), "' ", message));
  };
  absl::string_view rest = reference;
  if (!absl::ConsumePrefix(&rest, kReferenceStart) || rest.find('/') != absl::string_view::npos ||
      rest.find('%') != absl::string_view::npos) {
    return error(absl::StatusCode::kUnimplemented, "is not supported: '#' and '#/$defs/NAME' are");
  }
  const std::string name = absl::StrReplaceAll(rest, {{"~1", "/"}, {"~0", "~"}});
  element definitions, found;
  if (root_.schema.at_key("$defs").get(definitions) || definitions.at_key(name).get(found)) {
    return error(absl::StatusCode::kInvalidArgument, "names nothing");
  }
  if (!found.is_object() && !found.is_bool()) {
    return error(absl::StatusCode::kInvalidArgument, "names no schema");
  }
  return SchemaPlace{found, std::string(reference), 2};
}

absl::StatusOr<std::vector<PlainSchema>> SchemaDocument::Choices(const SchemaPlace& place,
                                                                 Types types) {
  Walk walk;
  std::vector<PlainSchema> choices;
  RETURN_IF_ERROR(AddChoices(place, types, &walk, &choices));
  return choices;
}

absl::Status SchemaDocument::AddChoices(const SchemaPlace& place, Types types, Walk* walk,
                                        std::vector<PlainSchema>* choices) {
  RETURN_IF_ERROR(CountNodes(1));
  if (place.depth > kMaxSchemaDepth || walk->open.size() > kMaxInPlace) {
    return SchemaError(absl::StatusCode::kResourceExhausted, place.pointer,
                       absl::StrCat("schemas are nested deeper than ", kMaxSchemaDepth));
  }
  bool all = false;
  if (!place.schema.get(all)) {
    if (all && types != 0) choices->push_back({place, types});
    return absl::OkStatus();
  }
  if (absl::c_linear_search(walk->open, place.pointer)) {
    if (!walk->in_one_of) return absl::OkStatus();
    return SchemaError(absl::StatusCode::kInvalidArgument, place.pointer,
                       "a branch of 'oneOf' is the schema that has it");
  }
  RETURN_IF_ERROR(CheckSchemaKeys(place));

  std::optional<std::pair<std::string, element>> in_place;
  std::string beside;  // a key that says something of the value as well
  for (const auto& field : simdjson::dom::object(place.schema.get_object().value_unsafe())) {
    const std::string key(field.key);
    const KeywordKind kind = *FindKeyword(key);
    if (kind == KeywordKind::kAnnotation) continue;
    if (kind == KeywordKind::kType) {
      types &= TypesOfKey(field.value);
    } else if (kind == KeywordKind::kInPlace && !in_place.has_value()) {
      in_place = {key, field.value};
    } else {
      beside = key;
    }
  }
  if (!in_place.has_value()) {
    if (types != 0) choices->push_back({place, types});
    return absl::OkStatus();
  }
  const auto& [key, value] = *in_place;
  if (!beside.empty()) {
    return SchemaError(absl::StatusCode::kUnimplemented, place.pointer,
                       absl::StrCat("'", key, "' beside '", beside, "' is not supported"));
  }
  walk->open.push_back(place.pointer);
  absl::Status status;
  if (key == "$ref") {
    absl::StatusOr<SchemaPlace> target =
        Resolve(place, base::ToAbsl(value.get_string().value_unsafe()));
    status = target.ok() ? AddChoices(*target, types, walk, choices) : target.status();
  } else {
    const simdjson::dom::array branches = value.get_array().value_unsafe();
    if (key == "oneOf") {
      status = AddOneOf(place, branches, types, walk, choices);
    } else if (key == "allOf" && branches.size() > 1) {
      status = SchemaError(absl::StatusCode::kUnimplemented, place.pointer,
                           "'allOf' of more than one schema is not supported");
    } else {
      size_t number = 0;
      for (const element& branch : branches) {
        status.Update(
            AddChoices(place.Below(branch, key, absl::StrCat(number++)), types, walk, choices));
        if (!status.ok()) break;
      }
    }
  }
  walk->open.pop_back();
  return status;
}

absl::Status SchemaDocument::AddOneOf(const SchemaPlace& place,
                                      const simdjson::dom::array& branches, Types types, Walk* walk,
                                      std::vector<PlainSchema>* choices) {
  const bool was_in_one_of = std::exchange(walk->in_one_of, true);
  std::vector<std::vector<PlainSchema>> by_branch;
  for (const element& branch : branches) {
    by_branch.emplace_back();
    RETURN_IF_ERROR(AddChoices(place.Below(branch, "oneOf", absl::StrCat(by_branch.size() - 1)),
                               types, walk, &by_branch.back()));
  }
  walk->in_one_of = was_in_one_of;
  for (size_t i = 0; i < by_branch.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      for (const PlainSchema& a : by_branch[j]) {
        for (const PlainSchema& b : by_branch[i]) {
          ASSIGN_OR_RETURN(const bool are_disjoint, AreDisjoint(a, b, /*deep=*/true));
          if (are_disjoint) continue;
          return SchemaError(
              absl::StatusCode::kUnimplemented, place.pointer,
              absl::StrCat("'oneOf' whose branches ", j, " and ", i,
                           " do not differ in the type, or in a key that both or one of them "
                           "requires, is not supported (anyOf is)"));
        }
      }
    }
  }
  for (const std::vector<PlainSchema>& branch : by_branch) {
    choices->insert(choices->end(), branch.begin(), branch.end());
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SchemaDocument::AreDisjoint(const PlainSchema& a, const PlainSchema& b,
                                                 bool deep) {
  RETURN_IF_ERROR(CountNodes(1));
  const auto values_a = a.Values();
  const auto values_b = b.Values();
  const auto types_of = [](const PlainSchema& schema, const auto& values) {
    if (!values.has_value()) return schema.types;
    Types types = 0;
    for (const element& value : *values) types |= TypeOf(value);
    return types;
  };
  const Types shared = types_of(a, values_a) & types_of(b, values_b);
  if (shared == 0) return true;
  if (values_a.has_value() && values_b.has_value()) {
    absl::flat_hash_set<std::string> texts;
    for (const element& value : *values_a) texts.insert(CanonicalText(value));
    return absl::c_none_of(
        *values_b, [&](const element& value) { return texts.contains(CanonicalText(value)); });
  }
  const bool are_objects = shared == kObject && !values_a.has_value() && !values_b.has_value();
  if (!deep || !are_objects) return false;
  return AreDisjointObjects(a, b);
}

absl::StatusOr<bool> SchemaDocument::AreDisjointObjects(const PlainSchema& a,
                                                        const PlainSchema& b) {
  const auto required_of = [](const PlainSchema& schema) {
    std::vector<std::string> keys;
    if (const auto list = schema.Find("required"); list.has_value()) {
      for (const element& key : simdjson::dom::array(list->get_array().value_unsafe())) {
        keys.emplace_back(key.get_string().value_unsafe());
      }
    }
    return keys;
  };
  const auto member_of = [](const PlainSchema& schema,
                            const std::string& key) -> std::optional<SchemaPlace> {
    element member;
    const auto properties = schema.Find("properties");
    if (!properties.has_value() || properties->at_key(key).get(member)) return std::nullopt;
    return schema.place.Below(member, "properties", key);
  };
  const auto forbids = [&](const PlainSchema& schema, const std::string& key) {
    const auto additional = schema.Find("additionalProperties");
    bool allowed = true;
    const bool is_closed = additional.has_value() && !additional->get(allowed) && !allowed;
    return is_closed && !member_of(schema, key).has_value();
  };
  const std::vector<std::string> required_a = required_of(a), required_b = required_of(b);
  for (const std::string& key : required_a) {
    if (forbids(b, key)) return true;
  }
  for (const std::string& key : required_b) {
    if (forbids(a, key)) return true;
    if (!absl::c_linear_search(required_a, key)) continue;
    const auto member_a = member_of(a, key), member_b = member_of(b, key);
    if (!member_a.has_value() || !member_b.has_value()) continue;
    ASSIGN_OR_RETURN(const std::vector<PlainSchema> choices_a, Choices(*member_a, kAnyType));
    ASSIGN_OR_RETURN(const std::vector<PlainSchema> choices_b, Choices(*member_b, kAnyType));
    bool are_disjoint = true;
    for (const PlainSchema& x : choices_a) {
      for (const PlainSchema& y : choices_b) {
        ASSIGN_OR_RETURN(const bool differ, AreDisjoint(x, y, /*deep=*/false));
        are_disjoint &= differ;
      }
    }
    if (are_disjoint) return true;
  }
  return false;
}

}  // namespace lluda::grammar
