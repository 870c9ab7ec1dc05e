// The model that is served: what a request is held against and made of.
#ifndef LLUDA_SERVE_SERVED_MODEL_H_
#define LLUDA_SERVE_SERVED_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/grammar/token_trie.h"
#include "engine/service/service.h"
#include "frontends/tokenizer/chat_template.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::serve {

// Vectors of texts, of which none is empty or longer than the context: their first `dimensions`
// numbers, brought to length 1; 0: all. InvalidArgument for more than they have.
using EmbedTexts = std::function<absl::StatusOr<std::vector<std::vector<float>>>(
    absl::Span<const std::vector<int32_t>> texts, int64_t dimensions)>;

struct ServedModel {
  std::string id;
  std::vector<std::string> aliases;
  int64_t created = 0;          // seconds since 1970
  engine::SequenceModel texts;  // what it reads; has a tokenizer
  // One of these: what it writes, or what it makes of texts, from any thread.
  engine::Service* service = nullptr;
  EmbedTexts embed;
  std::optional<tokenizer::ChatTemplate> chat_template;
  // Of its tokens; made when it is first asked for, from any thread. Empty: it writes no texts.
  std::function<std::shared_ptr<const grammar::TokenTrie>()> trie;
  engine::SamplerOptions sampler;    // for what a request does not say
  std::vector<int32_t> stop_tokens;  // of a text; an answer has its turn's ends beside them
  int64_t mel_bins = 0;              // of the sounds that it transcribes; 0: it hears nothing
  std::string fingerprint;           // what answers depend on beside the request, as a name
  std::string fingerprint_json;      // and its parts

  bool IsCalled(const std::string& name) const {
    if (name == id) return true;
    for (const std::string& alias : aliases) {
      if (name == alias) return true;
    }
    return false;
  }
  const tokenizer::Tokenizer& tokenizer() const { return *texts.tokenizer; }
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_SERVED_MODEL_H_
