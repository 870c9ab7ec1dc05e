// A tokenizer's options as a message of header.proto, and back; its arrays are sections.
//
//   SetOptions(tokenizer.Tables(), header.mutable_tokenizer());
//   tokenizer::TokenizerTables tables = OptionsOf(header.tokenizer());   // arrays still empty
#ifndef LLUDA_BUNDLE_TOKENIZER_MESSAGE_H_
#define LLUDA_BUNDLE_TOKENIZER_MESSAGE_H_

#include "bundle/header.pb.h"
#include "frontends/tokenizer/tables.h"

namespace lluda::bundle {

void SetOptions(const tokenizer::TokenizerTables& tables, Tokenizer* message);
tokenizer::TokenizerTables OptionsOf(const Tokenizer& message);

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_TOKENIZER_MESSAGE_H_
