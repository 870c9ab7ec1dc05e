#include "serve/api/messages.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "serve/api/fields.h"

namespace lluda::api {
namespace {

using tokenizer::ChatMessage;
using tokenizer::ChatRole;

constexpr SizeBounds kAnySize = {0, SIZE_MAX};
constexpr SizeBounds kNameSize = {1, 64};
constexpr SizeBounds kIdSize = {0, 256};

// Each of these has the names of members without effect, as GenerationRequest::ignored.

// A call of a tool as an assistant's message has it.
struct CallFields {
  std::vector<std::string>* ignored = nullptr;
  std::string id, name, arguments;
};

struct MessageFields {
  std::vector<std::string>* ignored = nullptr;
  std::string role;
  std::optional<std::string> content;
  ChatMessage message = {ChatRole::kUser, ""};
};

struct ToolFields {
  std::vector<std::string>* ignored = nullptr;
  std::string type = "function", name, parameters;
  bool has_function = false;
};

Refusal ReadType(const Field& field, std::string* type) {
  if (Refusal refusal = ReadString(field, kAnySize, type)) return refusal;
  if (*type == "function") return std::nullopt;
  return FieldError(field, "unsupported_value", "must be \"function\"");
}

Refusal ReadName(const Field& field, std::string* name) {
  if (Refusal refusal = ReadString(field, kNameSize, name)) return refusal;
  const auto is_fine = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  };
  if (std::all_of(name->begin(), name->end(), is_fine)) return std::nullopt;
  return WrongValue(field, "a name of letters, digits, '_' and '-'");
}

constexpr FieldRow<CallFields> kCallFunction[] = {
    {"name", kEverywhere, [](const Field& f, CallFields* c) { return ReadName(f, &c->name); }},
    {"arguments", kEverywhere,
     [](const Field& f, CallFields* c) { return ReadString(f, kAnySize, &c->arguments); }},
};

constexpr FieldRow<CallFields> kCall[] = {
    {"id", kEverywhere,
     [](const Field& f, CallFields* c) { return ReadString(f, kIdSize, &c->id); }},
    {"type", kEverywhere,
     [](const Field& f, CallFields*) {
       std::string type;
       return ReadType(f, &type);
     }},
    {"function", kEverywhere,
     [](const Field& f, CallFields* c) {
       return ReadByTable(f, absl::MakeConstSpan(kCallFunction), kEverywhere, c->ignored, c);
     }},
    {"index", kEverywhere, [](const Field&, CallFields*) { return Refusal(); }},
};

// Templates write arguments as the object they are; what is none, as the text it is.
void WriteCall(const CallFields& call, base::JsonWriter* json) {
  json->BeginObject().Key("id").String(call.id).Key("type").String("function").Key("function");
  json->BeginObject().Key("name").String(call.name).Key("arguments");
  const absl::StatusOr<base::JsonDocument> arguments =
      base::JsonDocument::Parse("arguments", call.arguments);
  if (arguments.ok()) {
    json->Json(call.arguments);
  } else {
    json->String(call.arguments);
  }
  json->EndObject().EndObject();
}

Refusal ReadCalls(const Field& field, MessageFields* out) {
  base::JsonWriter json;
  json.BeginArray();
  Refusal refusal = ReadList(field, {0, kMostTools}, [&](const Field& item) -> Refusal {
    CallFields call;
    call.ignored = out->ignored;
    if (Refusal bad =
            ReadByTable(item, absl::MakeConstSpan(kCall), kEverywhere, out->ignored, &call)) {
      return bad;
    }
    if (call.name.empty()) {
      return FieldError({item.path + ".function.name", item.value}, "missing_required_parameter",
                        "is missing");
    }
    WriteCall(call, &json);
    return std::nullopt;
  });
  if (refusal) return refusal;
  json.EndArray();
  if (json.text() != "[]") out->message.tool_calls_json = json.text();
  return std::nullopt;
}

// A part of a content that is a list.
struct Part {
  std::string type, text;
  bool has_text = false;
};
constexpr FieldRow<Part> kPart[] = {
    {"type", kEverywhere,
     [](const Field& f, Part* p) -> Refusal {
       if (Refusal refusal = ReadString(f, kAnySize, &p->type)) return refusal;
       if (p->type == "text") return std::nullopt;
       return FieldError(f, "unsupported_value",
                         absl::StrCat("must be \"text\", is \"", base::QuoteName(p->type), "\""));
     }},
    {"text", kEverywhere,
     [](const Field& f, Part* p) {
       p->has_text = true;
       return ReadString(f, kAnySize, &p->text);
     }},
};

Refusal ReadContent(const Field& field, MessageFields* out) {
  std::string text;
  if (field.value.is_string()) {
    if (Refusal refusal = ReadString(field, kAnySize, &text)) return refusal;
    out->content = std::move(text);
    return std::nullopt;
  }
  if (!field.value.is_array()) return WrongType(field, "a string or a list of parts");
  Refusal refusal = ReadList(field, {1, kMostMessages}, [&](const Field& item) -> Refusal {
    Part part;
    if (Refusal bad =
            ReadByTable(item, absl::MakeConstSpan(kPart), kEverywhere, out->ignored, &part)) {
      return bad;
    }
    const bool has_both = !part.type.empty() && part.has_text;
    if (!has_both) {
      return FieldError(
          {absl::StrCat(item.path, part.type.empty() ? ".type" : ".text"), item.value},
          "missing_required_parameter", "is missing");
    }
    text += part.text;
    return std::nullopt;
  });
  if (refusal) return refusal;
  out->content = std::move(text);
  return std::nullopt;
}

Refusal ReadReasoning(const Field& field, MessageFields* out) {
  std::string text;
  if (Refusal refusal = ReadString(field, kAnySize, &text)) return refusal;
  out->message.reasoning = std::move(text);
  return std::nullopt;
}

constexpr FieldRow<MessageFields> kMessage[] = {
    {"role", kEverywhere,
     [](const Field& f, MessageFields* m) { return ReadString(f, kAnySize, &m->role); }},
    {"content", kEverywhere, &ReadContent},
    {"reasoning_content", kEverywhere, &ReadReasoning},
    {"reasoning", kEverywhere, &ReadReasoning},
    {"tool_calls", kEverywhere, &ReadCalls},
    {"tool_call_id", kEverywhere,
     [](const Field& f, MessageFields* m) {
       return ReadString(f, kIdSize, &m->message.tool_call_id.emplace());
     }},
    {"name", kEverywhere,
     [](const Field& f, MessageFields* m) {
       return ReadString(f, kIdSize, &m->message.name.emplace());
     }},
    // An answer that was handed back as it came.
    {"refusal", kEverywhere, [](const Field&, MessageFields*) { return Refusal(); }},
    {"annotations", kEverywhere, [](const Field&, MessageFields*) { return Refusal(); }},
};

Refusal ReadMessage(const Field& field, GenerationRequest* request) {
  MessageFields fields;
  fields.ignored = &request->ignored;
  if (Refusal refusal = ReadByTable(field, absl::MakeConstSpan(kMessage), kEverywhere,
                                    &request->ignored, &fields)) {
    return refusal;
  }
  const Field role = {field.path + ".role", field.value};
  if (fields.role.empty()) return FieldError(role, "missing_required_parameter", "is missing");
  const absl::StatusOr<ChatRole> known =
      tokenizer::ParseChatRole(fields.role == "developer" ? "system" : fields.role);
  if (!known.ok()) {
    return FieldError(role, "invalid_value",
                      absl::StrCat("must be system, developer, user, assistant or tool, is \"",
                                   base::QuoteName(fields.role), "\""));
  }
  const bool has_calls = !fields.message.tool_calls_json.empty();
  if (has_calls && *known != ChatRole::kAssistant) {
    return FieldError({field.path + ".tool_calls", field.value}, "invalid_value",
                      "only an assistant's message has calls of tools");
  }
  if (!fields.content && !has_calls && *known != ChatRole::kAssistant) {
    return FieldError({field.path + ".content", field.value}, "missing_required_parameter",
                      "is missing");
  }
  fields.message.role = *known;
  fields.message.content = fields.content.value_or("");
  request->messages.push_back(std::move(fields.message));
  return std::nullopt;
}

constexpr FieldRow<ToolFields> kToolFunction[] = {
    {"name", kEverywhere, [](const Field& f, ToolFields* t) { return ReadName(f, &t->name); }},
    {"description", kEverywhere,
     [](const Field& f, ToolFields*) {
       std::string text;
       return ReadString(f, kAnySize, &text);
     }},
    {"parameters", kEverywhere,
     [](const Field& f, ToolFields* t) -> Refusal {
       if (!f.value.is_object()) return WrongType(f, "an object, a JSON schema");
       t->parameters = simdjson::minify(f.value);
       return std::nullopt;
     }},
    {"strict", kEverywhere,
     [](const Field& f, ToolFields*) {
       bool strict = false;
       return ReadBool(f, &strict);
     }},
};

Refusal ReadFunction(const Field& field, ToolFields* out) {
  out->has_function = true;
  return ReadByTable(field, absl::MakeConstSpan(kToolFunction), kEverywhere, out->ignored, out);
}

constexpr FieldRow<ToolFields> kTool[] = {
    {"type", kEverywhere, [](const Field& f, ToolFields* t) { return ReadType(f, &t->type); }},
    {"function", kEverywhere, &ReadFunction},
};

// A choice names a tool, and says no more of it.
constexpr FieldRow<ToolFields> kChosenFunction[] = {
    {"name", kEverywhere, [](const Field& f, ToolFields* t) { return ReadName(f, &t->name); }},
};

constexpr FieldRow<ToolFields> kChoice[] = {
    {"type", kEverywhere, [](const Field& f, ToolFields* t) { return ReadType(f, &t->type); }},
    {"function", kEverywhere,
     [](const Field& f, ToolFields* t) {
       t->has_function = true;
       return ReadByTable(f, absl::MakeConstSpan(kChosenFunction), kEverywhere, t->ignored, t);
     }},
};

// A tool or a choice, by its rows.
Refusal ReadTool(const Field& field, absl::Span<const FieldRow<ToolFields>> rows, ToolFields* out) {
  if (Refusal refusal = ReadByTable(field, rows, kEverywhere, out->ignored, out)) return refusal;
  if (!out->name.empty()) return std::nullopt;
  return FieldError(
      {absl::StrCat(field.path, out->has_function ? ".function.name" : ".function"), field.value},
      "missing_required_parameter", "is missing");
}

}  // namespace

Refusal ReadMessages(const Field& field, GenerationRequest* request) {
  return ReadList(field, {1, kMostMessages},
                  [request](const Field& item) { return ReadMessage(item, request); });
}

Refusal ReadTools(const Field& field, GenerationRequest* request) {
  Refusal refusal = ReadList(field, {0, kMostTools}, [request](const Field& item) -> Refusal {
    ToolFields tool;
    tool.ignored = &request->ignored;
    if (Refusal bad = ReadTool(item, kTool, &tool)) return bad;
    const auto is_same = [&tool](const Tool& other) { return other.name == tool.name; };
    if (std::any_of(request->tools.begin(), request->tools.end(), is_same)) {
      return FieldError({item.path + ".function.name", item.value}, "invalid_value",
                        absl::StrCat("there is a tool '", tool.name, "' already"));
    }
    request->tools.push_back({std::move(tool.name), std::move(tool.parameters)});
    return std::nullopt;
  });
  if (refusal) return refusal;
  if (!request->tools.empty()) request->tools_json = simdjson::minify(field.value);
  return std::nullopt;
}

Refusal ReadToolChoice(const Field& field, GenerationRequest* request) {
  std::string word;
  if (field.value.is_string()) {
    if (Refusal refusal = ReadString(field, kAnySize, &word)) return refusal;
    if (word == "auto") return std::nullopt;
    if (word == "none") {
      request->tool_choice = ToolChoice::kNone;
      return std::nullopt;
    }
    if (word != "required") return WrongValue(field, "none, auto, required or a function");
    request->tool_choice = ToolChoice::kRequired;
    return std::nullopt;
  }
  if (!field.value.is_object()) return WrongType(field, "a string or an object");
  ToolFields tool;
  tool.ignored = &request->ignored;
  if (Refusal refusal = ReadTool(field, kChoice, &tool)) return refusal;
  request->tool_choice = ToolChoice::kRequired;
  request->chosen_tool = std::move(tool.name);
  return std::nullopt;
}

}  // namespace lluda::api
