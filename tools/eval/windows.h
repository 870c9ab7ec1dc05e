// How a text that is longer than the context is cut into windows, and which tokens of each count.
//
// A window begins `stride` tokens behind the one before it, and of its tokens those count that no
// window before it had: every token of the text counts once, as in Hugging Face's strided
// perplexity, and but for the first window each is predicted from at least window - stride tokens.
// Disjoint windows, of which llama.cpp counts the second halves, would leave half of the text out.
// The first token of a text has nothing before it and does not count, unless the tokenizer puts a token
// in front of texts, which every window then begins with.
//
//   CutWindows(1000, 512, 256, false)  // {0, 512, 1}, {256, 768, 512}, {512, 1000, 768}
#ifndef LLUDA_TOOLS_EVAL_WINDOWS_H_
#define LLUDA_TOOLS_EVAL_WINDOWS_H_

#include <cstdint>
#include <vector>

namespace lluda::tools {

struct Window {
  int64_t begin = 0;    // its first token
  int64_t end = 0;      // behind its last one
  int64_t counted = 0;  // the first token that counts
};

// Windows of a text of so many tokens, in order; 1 <= stride <= window. With stride equal to window,
// and nothing in front, no window's first token counts. Windows in which none counts are left out.
std::vector<Window> CutWindows(int64_t tokens, int64_t window, int64_t stride, bool has_front);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_WINDOWS_H_
