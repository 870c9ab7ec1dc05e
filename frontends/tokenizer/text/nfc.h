// Unicode normalisation form C in time linear in the text, up to the sorting of combining marks (n
// log n).
//
// utf8proc supplies the data and the composition; its own canonical ordering is an insertion sort,
// quadratic on a long run of marks, so the ordering is done here. ICU would need neither, but its
// data makes a static binary of 4 MB one of 34 MB.
//
// The version of Unicode is 9, that of Hugging Face's normaliser, which the ids of every model come
// from: a character that is newer stands for itself. Unicode never changes the NFC of the
// characters that an older version had.
//
//   ToNfc("e\u0301") == "é"
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_NFC_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_NFC_H_

#include <string>
#include <string_view>

namespace lluda::tokenizer {

// `text` must be valid UTF-8.
std::string ToNfc(std::string_view text);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_NFC_H_
