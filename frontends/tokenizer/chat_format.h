// Chat templates as plain data: what a model's files say of its conversations, and what a bundle
// keeps of that.
#ifndef LLUDA_FRONTENDS_TOKENIZER_CHAT_FORMAT_H_
#define LLUDA_FRONTENDS_TOKENIZER_CHAT_FORMAT_H_

#include <string>
#include <utility>
#include <vector>

namespace lluda::tokenizer {

struct NamedTemplate {
  std::string name;    // "default", "tool_use"
  std::string origin;  // where it comes from, as errors say it: a file, and the field in it
  std::string source;
};
struct ChatFormat {
  std::vector<NamedTemplate> templates;  // at least one
  // Variables of every template: "bos_token", "eos_token" and others that the model has.
  std::vector<std::pair<std::string, std::string>> special_tokens;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_CHAT_FORMAT_H_
