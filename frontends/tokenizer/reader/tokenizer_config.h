// What the files beside a tokenizer's vocabulary say of its added tokens: tokenizer_config.json,
// and added_tokens.json and special_tokens_map.json as older folders have them.
//
//   {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "add_prefix_space": false,
//    "added_tokens_decoder": {"7": {"content": "<think>", "special": false}}}
//
// The rules are those of transformers' AutoTokenizer. docs/tokenizer_files.md lists every field.
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_TOKENIZER_CONFIG_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_TOKENIZER_CONFIG_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontends/tokenizer/added_tokens.h"

namespace lluda::tokenizer {

// As far as transformers treats them differently.
enum class TokenizerClass : uint8_t { kQwen2, kGpt2, kOther };

// A token as a field of a file names it; errors begin with `field`, which names the file as well.
struct NamedToken {
  AddedToken token;
  std::string field;
};

struct TokenizerConfig {
  TokenizerClass tokenizer_class = TokenizerClass::kOther;
  std::string class_field;  // what named it, for errors
  std::optional<bool> add_prefix_space;
  // With ids, from added_tokens_decoder; else from added_tokens.json.
  std::vector<NamedToken> listed;
  // Whether their flags count before those that a tokenizer.json gives the same tokens.
  bool listed_flags_count = false;
  // Without ids: those that have a role, such as eos_token, and those that are special without one.
  std::vector<NamedToken> roles;
  std::vector<NamedToken> extra;
  // Which token has which role: {"eos_token", "<|im_end|>"}.
  std::vector<std::pair<std::string, std::string>> role_contents;
};

// Reads what there is in `folder`; without any of the files, the result is that of an empty
// tokenizer_config.json, of kQwen2 unless `has_tokenizer_json`. InvalidArgument, naming file and
// field, for a wrong type, and for a setting that changes ids or texts and is not supported.
absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const std::string& folder,
                                                    bool has_tokenizer_json);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_TOKENIZER_CONFIG_H_
