// How a model's texts become vectors, as sentence-transformers lays out a folder: modules.json says
// which steps there are, 1_Pooling/config.json which tokens' hidden states are taken,
// config_sentence_transformers.json what is written before a text.
//
//   absl::StatusOr<EmbeddingFormat> format = ReadEmbeddingFormat("/models/Qwen3-Embedding-0.6B");
//   format->prompts[0];   // {"query", "Instruct: Given a web search query, ...\nQuery:"}
//
// What lluda computes is the hidden state of the last token after the final norm, divided by its
// length. A folder that asks for anything else is refused; one without these files asks for nothing.
#ifndef LLUDA_FRONTENDS_EMBEDDING_FORMAT_H_
#define LLUDA_FRONTENDS_EMBEDDING_FORMAT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::frontends {

struct EmbeddingFormat {
  // Names and what each writes before a text, in the file's order.
  std::vector<std::pair<std::string, std::string>> prompts;
  // The one that stands before a text where none is asked for; empty: none does.
  std::string default_prompt;
};

// Unimplemented, naming file and field, for other steps and other tokens; InvalidArgument for files
// that are not as expected.
absl::StatusOr<EmbeddingFormat> ReadEmbeddingFormat(const std::string& folder);

// The text of the prompt with this name; of the default one if the name is empty. NotFound, naming
// those that there are, if there is none.
absl::StatusOr<std::string> PromptOf(const EmbeddingFormat& format, absl::string_view name);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_EMBEDDING_FORMAT_H_
