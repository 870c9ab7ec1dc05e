#include "frontends/tokenizer/reader/tokenizer_config.h"

#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>
#include <absl/strings/numbers.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/json/json_value.h"
#include "base/status_macros.h"
#include "frontends/tokenizer/reader/added_token_reader.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// In the order in which they get ids where they have none.
constexpr std::string_view kRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};

constexpr std::string_view kDefaultToken = "<|endoftext|>";

// What a class gives the roles that the config does not mention; a null there means none.
struct ClassRow {
  std::string_view name;  // without "Fast"
  TokenizerClass tokenizer_class;
  std::string_view default_roles[3];
};
constexpr ClassRow kClasses[] = {
    {"Qwen2Tokenizer", TokenizerClass::kQwen2, {"eos_token", "unk_token", "pad_token"}},
    {"GPT2Tokenizer", TokenizerClass::kGpt2, {"bos_token", "eos_token", "unk_token"}},
    {"", TokenizerClass::kOther, {}},  // every other name
};

const ClassRow& RowOf(TokenizerClass tokenizer_class) {
  return *std::find_if(std::begin(kClasses), std::end(kClasses),
                       [&](const ClassRow& row) { return row.tokenizer_class == tokenizer_class; });
}

// Settings that are refused where they are true.
struct RefusedFlag {
  std::string_view key;
  bool even_with_tokenizer_json;  // else transformers ignores them there, too
  std::string_view reason;
};
constexpr RefusedFlag kRefusedFlags[] = {
    {"split_special_tokens", true, "special tokens are always recognised in a text"},
    {"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", true,
     "decoded text is never changed"},
    {"add_bos_token", false, "no token is added to a text without a tokenizer.json"},
    {"add_eos_token", false, "no token is added to a text without a tokenizer.json"},
};

absl::StatusOr<std::optional<JsonFile>> LoadOptional(const std::string& folder,
                                                     std::string_view name) {
  absl::StatusOr<JsonFile> file =
      JsonFile::Load((std::filesystem::path(folder) / std::string(name)).string());
  if (absl::IsNotFound(file.status())) return std::nullopt;
  if (!file.ok()) return file.status();
  RETURN_IF_ERROR(file->root().Object().status());
  return std::optional<JsonFile>(*std::move(file));
}

bool Has(const std::vector<NamedToken>& tokens, std::string_view content) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const NamedToken& named) { return named.token.content == content; });
}

// Fills a TokenizerConfig from the files.
class ConfigReader {
 public:
  ConfigReader(const base::JsonValue* config, const base::JsonValue* special_map,
               bool has_tokenizer_json)
      : config_(config), special_map_(special_map), has_tokenizer_json_(has_tokenizer_json) {}

  absl::StatusOr<TokenizerConfig> Read(const std::optional<JsonFile>& added_tokens) {
    for (const auto step :
         {&ConfigReader::ReadClass, &ConfigReader::CheckFlags, &ConfigReader::CheckFiles,
          &ConfigReader::ReadListed, &ConfigReader::ReadRoles, &ConfigReader::ReadOtherRoles,
          &ConfigReader::ReadExtra}) {
      RETURN_IF_ERROR((this->*step)());
    }
    if (added_tokens.has_value() && !result_.listed_flags_count) {
      RETURN_IF_ERROR(ReadAddedTokensFile(added_tokens->root()));
    }
    return std::move(result_);
  }

 private:
  absl::Status ReadClass() {
    const bool is_qwen2 = config_ != nullptr || !has_tokenizer_json_;
    result_.tokenizer_class = is_qwen2 ? TokenizerClass::kQwen2 : TokenizerClass::kOther;
    if (config_ == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::optional<base::JsonValue> json,
                     config_->GetOptional("tokenizer_class"));
    if (!json.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::string_view name, json->String());
    const std::string_view base = EndsWith(name, "Fast") ? name.substr(0, name.size() - 4) : name;
    const ClassRow* row =
        std::find_if(std::begin(kClasses), std::end(kClasses) - 1,
                     [&](const ClassRow& candidate) { return candidate.name == base; });
    result_.tokenizer_class = row->tokenizer_class;
    result_.class_field = std::string(json->ErrorIn(base::QuoteForMessage(name)).message());
    return absl::OkStatus();
  }

  absl::Status CheckFlags() {
    if (config_ == nullptr) return absl::OkStatus();
    for (const RefusedFlag& flag : kRefusedFlags) {
      if (has_tokenizer_json_ && !flag.even_with_tokenizer_json) continue;
      ASSIGN_OR_RETURN(const bool value, config_->GetBool(flag.key, false));
      if (value) {
        return config_->Get(flag.key)->ErrorIn(Concat("true is not supported: ", flag.reason));
      }
    }
    ASSIGN_OR_RETURN(const std::optional<base::JsonValue> prefix,
                     config_->GetOptional("add_prefix_space"));
    if (!prefix.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(result_.add_prefix_space, prefix->Bool());
    return absl::OkStatus();
  }

  // fast_tokenizer_files: transformers takes another file than tokenizer.json for some versions.
  absl::Status CheckFiles() {
    if (config_ == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto list, config_->GetOptional("fast_tokenizer_files"));
    if (!list.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const simdjson::dom::array array, list->Array());
    size_t index = 0;
    for (const simdjson::dom::element element : array) {
      ASSIGN_OR_RETURN(const std::string_view name, list->Item(element, index++).String());
      if (name != "tokenizer.json") {
        return list->ErrorIn(Concat(base::QuoteForMessage(name), " is not supported"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadListed() {
    if (config_ == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto json, config_->GetOptional("added_tokens_decoder"));
    if (!json.has_value()) return absl::OkStatus();
    result_.listed_flags_count = true;
    ASSIGN_OR_RETURN(const simdjson::dom::object object, json->Object());
    for (const simdjson::dom::key_value_pair member : object) {
      const base::JsonValue entry = json->Entry(member.value, member.key);
      ASSIGN_OR_RETURN(AddedToken token, ReadAddedToken(entry));
      if (!absl::SimpleAtoi(ToAbsl(member.key), &token.id) || token.id < 0) {
        return entry.ErrorIn("the key is not an integer from 0 to 2147483647");
      }
      AddListed(std::move(token), entry);
    }
    return absl::OkStatus();
  }

  absl::Status ReadAddedTokensFile(const base::JsonValue& root) {
    ASSIGN_OR_RETURN(const simdjson::dom::object object, root.Object());
    for (const simdjson::dom::key_value_pair member : object) {
      const base::JsonValue entry = root.Entry(member.value, member.key);
      if (member.key.empty() || member.key.size() > kLongestAddedToken) {
        return entry.ErrorIn(Concat("a token has 1 to ", kLongestAddedToken, " bytes"));
      }
      ASSIGN_OR_RETURN(const int32_t id, ReadId(entry));
      AddedToken token;
      token.content = std::string(member.key);
      token.id = id;
      token.special = Has(result_.roles, member.key) || Has(result_.extra, member.key);
      token.normalized = !token.special;
      AddListed(std::move(token), entry);
    }
    return absl::OkStatus();
  }

  void AddListed(AddedToken token, const base::JsonValue& entry) {
    std::string field(entry.ErrorIn(base::QuoteForMessage(token.content)).message());
    result_.listed.push_back({std::move(token), std::move(field)});
  }

  // The roles that every tokenizer has.
  absl::Status ReadRoles() {
    const auto& defaults = RowOf(result_.tokenizer_class).default_roles;
    for (const std::string_view role : kRoles) {
      const base::JsonValue* source = SourceOf(role);
      if (source != nullptr) {
        RETURN_IF_ERROR(AddRole(*source, role));
      } else if (std::find(std::begin(defaults), std::end(defaults), role) != std::end(defaults)) {
        NamedToken named;
        named.token.content = std::string(kDefaultToken);
        named.token.special = true;
        result_.role_contents.emplace_back(role, kDefaultToken);
        if (!Has(result_.roles, kDefaultToken)) result_.roles.push_back(std::move(named));
      }
    }
    return absl::OkStatus();
  }

  // Roles of this model alone, such as "image_token".
  absl::Status ReadOtherRoles() {
    for (const base::JsonValue* file : {SpecialMap(), config_}) {
      if (file == nullptr) continue;
      ASSIGN_OR_RETURN(const simdjson::dom::object object, file->Object());
      for (const simdjson::dom::key_value_pair member : object) {
        const bool is_role =
            std::find(std::begin(kRoles), std::end(kRoles), member.key) != std::end(kRoles);
        const bool is_token = member.value.is_string() || member.value.is_object();
        if (is_role || !EndsWith(member.key, "_token") || !is_token) continue;
        RETURN_IF_ERROR(AddRole(*file, member.key));
      }
    }
    return absl::OkStatus();
  }

  // A list of tokens without a role, or an object from roles to tokens.
  absl::Status ReadExtra() {
    const auto value_of = [](const base::JsonValue* file, std::string_view key) {
      return file == nullptr ? absl::StatusOr<std::optional<base::JsonValue>>(std::nullopt)
                             : file->GetOptional(key);
    };
    absl::StatusOr<std::optional<base::JsonValue>> lists[] = {
        value_of(config_, "extra_special_tokens"),
        value_of(config_, "additional_special_tokens"),
        value_of(SpecialMap(), "extra_special_tokens"),
        value_of(SpecialMap(), "additional_special_tokens"),
    };
    for (const auto& list : lists) {
      if (!list.ok()) return list.status();
    }
    const auto add = [this](const std::optional<base::JsonValue>& list) {
      return list.has_value() ? AddExtra(*list) : absl::OkStatus();
    };
    // The older name counts where the newer one has no tokens; that of special_tokens_map.json only
    // where the config has neither.
    const size_t before = result_.extra.size() + result_.roles.size();
    RETURN_IF_ERROR(add(*lists[0]));
    if (result_.extra.size() + result_.roles.size() == before) {
      RETURN_IF_ERROR(add(*lists[1]));
    }
    RETURN_IF_ERROR(add(*lists[2]));
    if (lists[0]->has_value() || lists[1]->has_value()) return absl::OkStatus();
    return add(*lists[3]);
  }

  absl::Status AddExtra(const base::JsonValue& tokens) {
    if (absl::StatusOr<simdjson::dom::object> object = tokens.Object(); object.ok()) {
      for (const simdjson::dom::key_value_pair member : *object) {
        RETURN_IF_ERROR(AddRole(tokens, member.key));
      }
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const simdjson::dom::array array, tokens.Array());
    int index = 0;
    for (const simdjson::dom::element element : array) {
      RETURN_IF_ERROR(Add(tokens.Item(element, index++), /*role=*/""));
    }
    return absl::OkStatus();
  }

  absl::Status AddRole(const base::JsonValue& file, std::string_view role) {
    ASSIGN_OR_RETURN(const std::optional<base::JsonValue> json, file.GetOptional(role));
    if (!json.has_value()) return absl::OkStatus();
    return Add(*json, role);
  }

  // A token alone, or an object with its flags. An empty text is no token, an empty role none.
  absl::Status Add(const base::JsonValue& json, std::string_view role) {
    const bool has_role = !role.empty();
    const absl::StatusOr<std::string_view> text = json.String();
    if (text.ok() && text->empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(AddedToken token, json.Object().ok() ? ReadAddedToken(json)
                                                          : ReadPlainToken(json, /*special=*/true));
    if (has_role) result_.role_contents.emplace_back(role, token.content);
    std::vector<NamedToken>* tokens = has_role ? &result_.roles : &result_.extra;
    if (Has(*tokens, token.content)) return absl::OkStatus();
    token.special = token.special || has_role;
    std::string field(json.ErrorIn(base::QuoteForMessage(token.content)).message());
    tokens->push_back({std::move(token), std::move(field)});
    return absl::OkStatus();
  }

  // special_tokens_map.json is only read where the config lists no tokens.
  const base::JsonValue* SpecialMap() const {
    return result_.listed_flags_count ? nullptr : special_map_;
  }

  // The file that says which token has the role, if only that there is none.
  const base::JsonValue* SourceOf(std::string_view role) const {
    for (const base::JsonValue* file : {SpecialMap(), config_}) {
      if (file == nullptr) continue;
      const absl::StatusOr<simdjson::dom::object> object = file->Object();
      if (object.ok() && object->at_key(role).error() == simdjson::SUCCESS) return file;
    }
    return nullptr;
  }

  const base::JsonValue* config_;       // null if there is none
  const base::JsonValue* special_map_;  // the same
  bool has_tokenizer_json_;
  TokenizerConfig result_;
};

}  // namespace

absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const std::string& folder,
                                                    bool has_tokenizer_json) {
  ASSIGN_OR_RETURN(std::optional<JsonFile> config, LoadOptional(folder, "tokenizer_config.json"));
  ASSIGN_OR_RETURN(std::optional<JsonFile> special,
                   LoadOptional(folder, "special_tokens_map.json"));
  ASSIGN_OR_RETURN(std::optional<JsonFile> added, LoadOptional(folder, "added_tokens.json"));
  const auto root = [](const std::optional<JsonFile>& file) {
    return file.has_value() ? &file->root() : nullptr;
  };
  return ConfigReader(root(config), root(special), has_tokenizer_json).Read(added);
}

}  // namespace lluda::tokenizer
