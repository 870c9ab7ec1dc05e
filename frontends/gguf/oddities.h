// What is odd about a GGUF file: what keeps it from being run, and what makes it run otherwise than
// its makers meant. A line each.
//
//   for (const std::string& line : OdditiesOf(*file)) std::cout << line << "\n";
//   // output.weight repeats token_embd.weight: the head is tied, and held twice
#ifndef LLUDA_FRONTENDS_GGUF_ODDITIES_H_
#define LLUDA_FRONTENDS_GGUF_ODDITIES_H_

#include <string>
#include <vector>

#include "frontends/gguf/file/gguf_file.h"

namespace lluda::frontends::gguf {

// Nothing of a file that is as it should be.
std::vector<std::string> OdditiesOf(const GgufFile& file);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_ODDITIES_H_
