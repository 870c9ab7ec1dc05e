// The steps that a tokenizer.json lists, as plain data: what becomes of a text before BPE, and of the
// tokens' texts after it. Each component of the file is a list of steps, run in turn.
//
//   normalizer:    NFC                                      NormalizerSteps{NfcStep{}}
//   pre_tokenizer: Split "\\p{N}", then ByteLevel           PretokenizerSteps{SplitStep{...}, ...}
//   decoder:       Replace "▁" by " ", ByteFallback, Fuse   DecoderSteps{ReplaceStep{"▁", " "}, ...}
#ifndef LLUDA_FRONTENDS_TOKENIZER_STEPS_H_
#define LLUDA_FRONTENDS_TOKENIZER_STEPS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace lluda::tokenizer {

// Every occurrence of `pattern`, from the left and without overlaps, becomes `content`.
struct ReplaceStep {
  std::string pattern;
  std::string content;
};

// --- normalizer ---

struct NfcStep {};

// Puts `text` before a text that is not empty.
struct PrependStep {
  std::string text;
};

using NormalizerStep = std::variant<NfcStep, PrependStep, ReplaceStep>;
using NormalizerSteps = std::vector<NormalizerStep>;

// --- pre_tokenizer ---

// What becomes of the matches of a Split step, and of the gaps between them.
enum class SplitBehavior : uint8_t {
  kIsolated,            // each is a piece
  kRemoved,             // only gaps are
  kMergedWithPrevious,  // a match belongs to the gap before it
  kMergedWithNext,      // and to the gap behind it
  kContiguous,          // neighbouring matches are one piece
};
inline constexpr int kSplitBehaviors = 5;

struct SplitStep {
  bool is_regex = true;  // else `pattern` is the text to look for
  std::string pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // matches and gaps change places
};

// From here on the text is bytes in the byte-level alphabet; the last step.
struct ByteLevelStep {
  bool add_prefix_space = false;
  bool gpt2_regex = false;  // whether pieces are cut by GPT-2's expression
};

// Whether a piece that does not begin with `replacement` gets one.
enum class PrependScheme : uint8_t {
  kAlways,
  kFirst,  // only the piece that the whole text begins with
  kNever,
};
inline constexpr int kPrependSchemes = 3;

// Blanks become `replacement`, one character.
struct MetaspaceStep {
  std::string replacement;
  PrependScheme prepend = PrependScheme::kAlways;
  bool split = true;  // whether each `replacement` begins a piece
};

using PretokenizerStep = std::variant<SplitStep, ByteLevelStep, MetaspaceStep>;
using PretokenizerSteps = std::vector<PretokenizerStep>;

// --- decoder ---

// The tokens are bytes in the byte-level alphabet; together they are one text.
struct ByteLevelDecoding {};

// Tokens such as <0xE6> are bytes. A run of them that is not valid UTF-8 as a whole is U+FFFD for
// each.
struct ByteFallbackDecoding {};

// The tokens are one text from here on.
struct FuseStep {};

// Takes up to `start` times `content`, one character, off the start of a text.
struct StripStep {
  std::string content;
  int32_t start = 0;
};

// `replacement` becomes a blank; in the first token nothing, if `strips_first`.
struct MetaspaceDecoding {
  std::string replacement;
  bool strips_first = true;
};

using DecoderStep = std::variant<ByteLevelDecoding, ReplaceStep, ByteFallbackDecoding, FuseStep,
                                 StripStep, MetaspaceDecoding>;
using DecoderSteps = std::vector<DecoderStep>;

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_STEPS_H_
