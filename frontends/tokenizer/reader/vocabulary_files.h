// A tokenizer that is saved as vocab.json and merges.txt, without a tokenizer.json.
//
//   vocab.json:  {"a": 0, "b": 1, "ab": 2}
//   merges.txt:  #version: 0.2
//                a b
//
// They hold the tokens and the merges alone. Normalisation and pretokenization are those that
// transformers gives the class that tokenizer_config.json names.
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_VOCABULARY_FILES_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_VOCABULARY_FILES_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "frontends/tokenizer/reader/bpe_reader.h"
#include "frontends/tokenizer/reader/tokenizer_config.h"
#include "frontends/tokenizer/steps.h"
#include "frontends/tokenizer/vocabulary.h"

namespace lluda::tokenizer {

inline constexpr std::string_view kVocabularyFile = "vocab.json";
inline constexpr std::string_view kMergesFile = "merges.txt";

// How a text is prepared for BPE.
struct Preparation {
  NormalizerSteps normalizer;
  PretokenizerSteps pretokenizer;
};

// InvalidArgument, naming the class, for one that is neither Qwen2Tokenizer nor GPT2Tokenizer.
absl::StatusOr<Preparation> PreparationOf(const TokenizerConfig& config);

// The merges of a merges.txt, one a line: two tokens with one space, ended by LF or CRLF. Lines
// that start with "#version" and empty lines are skipped. InvalidArgument "<name>:<line>: <reason>"
// for any other line.
absl::StatusOr<BpeParts> ReadMergesText(std::string_view text, const std::string& name,
                                        const Vocabulary& vocabulary);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_VOCABULARY_FILES_H_
