// What ImportDecoder makes of a decoder, as text, for tests.
//
//   EXPECT_THAT(Import(ToyDecoder(), ToyOptions(tensors)), HasSubstr("weight @wq"));
#ifndef LLUDA_FRONTENDS_DECODER_IMPORT_TEXT_H_
#define LLUDA_FRONTENDS_DECODER_IMPORT_TEXT_H_

#include <string>

#include "frontends/decoder/import.h"

namespace lluda::frontends::decoder {

// The module, which is sound: "" and a failed expectation if it is not, or if there is none.
std::string Import(const Decoder& decoder, const ImportOptions& options);
// Why there is none: "" and a failed expectation if there is one.
std::string ImportError(const Decoder& decoder, const ImportOptions& options);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_IMPORT_TEXT_H_
