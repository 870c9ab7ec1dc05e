#include "engine/generate/text_output.h"

#include <utility>

namespace lluda::engine {

TextOutput::TextOutput(const tokenizer::Tokenizer* tokenizer, runtime::StopStrings stops,
                       TextSink sink)
    : stops_(std::move(stops)), sink_(std::move(sink)) {
  if (tokenizer != nullptr) decoder_.emplace(tokenizer);
}

void TextOutput::Add(int32_t token) {
  if (decoder_) Give(stops_.Push(decoder_->Add(token)));
}

void TextOutput::Finish() {
  if (!decoder_) return;
  Give(stops_.Push(decoder_->Finish()));
  if (!stops_.stopped()) Give(stops_.Flush());
}

void TextOutput::Give(absl::string_view piece) {
  if (piece.empty() || refused_) return;
  text_.append(piece.data(), piece.size());
  if (sink_ && !sink_(piece)) refused_ = true;
}

}  // namespace lluda::engine
