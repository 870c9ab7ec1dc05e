// Text to token ids and back, for any BPE in Hugging Face's files, `tokenizer.json` or `vocab.json`
// with `merges.txt`; the ids are those of their library.
//
//   absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load("/models/Qwen3-0.6B");
//   std::vector<int32_t> ids = tokenizer->Encode("Hello world");   // 9707, 1879
//   tokenizer->Decode(ids);                                       // "Hello world"
//
// The steps of Encode: added tokens are cut out; what lies between them is normalised; added tokens
// marked `normalized` are cut out; the rest is cut into pieces by the pre_tokenizer, and each piece
// merged by BPE. The tokens that the post_processor puts around a text, such as <s>, come on request.
// Time is linear in the text, up to the log n of a long piece, for the expressions of GPT-2, Llama 3,
// Qwen and GPT-4o.
//
// Supported: model BPE, byte-level or with byte_fallback; normalizer, pre_tokenizer and decoder as in
// steps.h; post_processor none, ByteLevel (which changes no ids) and TemplateProcessing. Anything
// else is refused by name. The settings `truncation` and `padding` are for batches and are ignored.
#ifndef LLUDA_FRONTENDS_TOKENIZER_TOKENIZER_H_
#define LLUDA_FRONTENDS_TOKENIZER_TOKENIZER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/added_tokens.h"
#include "frontends/tokenizer/bpe.h"
#include "frontends/tokenizer/decoder.h"
#include "frontends/tokenizer/normalizer.h"
#include "frontends/tokenizer/pretokenizer.h"
#include "frontends/tokenizer/tables.h"
#include "frontends/tokenizer/vocabulary.h"

namespace lluda::tokenizer {

// What an Encode call did, for tests and for benchmarks.
struct EncodeWork {
  int64_t regex_matches = 0;     // Tried, successful or not.
  int64_t merge_candidates = 0;  // Pairs that BPE looked at.
};

struct EncodeOptions {
  // Whether added tokens marked `special`, such as <|im_start|>, are recognised in the text. Turn
  // it off for text that must not steer the model. Added tokens that are not special, such as
  // <think>, always are.
  bool parse_special = true;
  // The parts of a text that is valid UTF-8 in which they are, in order and apart; null means all
  // of it. A special token elsewhere, or one that reaches over the end of a part, is text.
  const std::vector<TextRange>* special_ranges = nullptr;
  // Whether the file's post_processor puts its tokens around the text, such as <s> before it. A chat
  // template writes them itself.
  bool add_special_tokens = false;
  EncodeWork* work = nullptr;  // Added to, if given.
};

// Const methods may be called from several threads.
class Tokenizer {
 public:
  // `path` is a tokenizer.json, or a folder that holds one, or else vocab.json and merges.txt. Of a
  // folder, tokenizer_config.json, added_tokens.json and special_tokens_map.json are read as well,
  // if they are there. NotFound if there is no tokenizer; InvalidArgument, naming the file and the
  // field, if it is not one that is supported.
  static absl::StatusOr<Tokenizer> Load(const std::string& path);
  // The same for the text of a file; `name` is what messages call it.
  static absl::StatusOr<Tokenizer> FromJson(std::string_view json, const std::string& name);
  // One whose arrays lie elsewhere, and stay there. InvalidArgument if they do not fit together.
  static absl::StatusOr<Tokenizer> FromTables(const TokenizerTables& tables);
  // One of these tokens and merges, and of all else that `tables` say.
  static absl::StatusOr<Tokenizer> Create(Vocabulary vocabulary, MergeTable merges,
                                          const TokenizerTables& tables);

  // What FromTables wants; the views are valid as long as the tokenizer.
  TokenizerTables Tables() const;

  // `text` may be any bytes: invalid UTF-8 is read as U+FFFD, as in utf8.h.
  std::vector<int32_t> Encode(std::string_view text, const EncodeOptions& options = {}) const;

  // Valid UTF-8: bytes of the tokens that form no character are U+FFFD. An id that is no token adds
  // nothing (a model may have more rows than its tokenizer has tokens). `skip_special` leaves
  // special tokens out.
  std::string Decode(const std::vector<int32_t>& ids, bool skip_special = true) const;

  // The number of tokens; ids are 0 to vocabulary_size() - 1.
  int32_t vocabulary_size() const { return vocabulary_.size(); }

  // What puts the tokens' texts together.
  const Decoder& decoder() const { return steps_.decoder; }

  // The token that the file writes as `content` (maybe in the byte-level alphabet, or with "▁").
  std::optional<int32_t> TokenToId(std::string_view content) const {
    return vocabulary_.Find(content);
  }

  // False for an id that is no token.
  bool IsSpecial(int32_t id) const;

  // What the token adds inside a text, not necessarily whole characters; empty for an id that is no
  // token.
  std::string_view TokenBytes(int32_t id) const;

  // What the decoder gets of the token: TokenBytes, but that a token such as <0xE6> is its name.
  std::string_view TokenText(int32_t id) const;

 private:
  friend class TokenizerReader;

  // The steps around BPE.
  struct Steps {
    Normalizer normalizer;
    Pretokenizer pretokenizer;
    Decoder decoder;
    TextFrame frame;
  };

  Tokenizer(Vocabulary vocabulary, Bpe bpe, Steps steps,
            const std::vector<AddedToken>& added_tokens);

  bool IsToken(int32_t id) const { return id >= 0 && id < vocabulary_.size(); }

  // The special ranges that lie in a span of the text, as ranges of what it is when normalised.
  std::optional<std::vector<TextRange>> RangesIn(const AddedTokenMatcher::Span& span,
                                                 std::string_view raw, std::string_view normalized,
                                                 const EncodeOptions& options) const;

  // What lies between the added tokens that are looked for before `valid` is normalised.
  void EncodeBetween(std::string_view valid, const AddedTokenMatcher::Span& span,
                     const EncodeOptions& options, std::vector<int32_t>* ids,
                     EncodeWork* work) const;

  Vocabulary vocabulary_;
  Bpe bpe_;
  Steps steps_;
  std::vector<AddedToken> added_tokens_;
  AddedTokenMatcher raw_tokens_;         // Looked for in the text as given.
  AddedTokenMatcher normalized_tokens_;  // Looked for in the normalised text.
  std::vector<bool> is_special_;         // By id.
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TOKENIZER_H_
