// What the names in `tokenizer.ggml.pre` stand for: a GGUF file names how its tokenizer cuts a text
// into the pieces within which BPE merges, and says no more.
//
//   FindPretokenizer("qwen2")->steps   // NFC; one expression, then bytes
#ifndef LLUDA_FRONTENDS_GGUF_PRETOKENIZERS_H_
#define LLUDA_FRONTENDS_GGUF_PRETOKENIZERS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "frontends/tokenizer/steps.h"

namespace lluda::frontends::gguf {

struct PretokenizerRow {
  const char* names;                // those that mean the same, separated by spaces
  const char* expressions[4] = {};  // each cuts what the one before it left; the rest is null
  bool gpt2_last = false;           // GPT-2's expression cuts what is left
  bool nfc = false;                 // texts are normalised first
  bool ignore_merges = false;       // a piece that is a token is that token
  bool add_bos = false;             // where the file does not say
};

// Null for a name that is not known.
const PretokenizerRow* FindPretokenizer(absl::string_view name);
// All names, for errors.
std::string PretokenizerNames();

tokenizer::PretokenizerSteps StepsOf(const PretokenizerRow& row);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_PRETOKENIZERS_H_
