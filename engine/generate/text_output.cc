#include "engine/generate/text_output.h"

#include <string_view>
#include <utility>

namespace lluda::engine {

TextOutput::TextOutput(const tokenizer::Tokenizer* tokenizer, engine::StopStrings stops,
                       TextSink sink, bool continues)
    : tokenizer_(tokenizer), stops_(std::move(stops)), sink_(std::move(sink)) {
  if (tokenizer == nullptr) return;
  decoder_.emplace(tokenizer);
  if (continues) decoder_->Continue();
}

void TextOutput::Add(int32_t token) {
  if (!decoder_) return;
  if (tokenizer_->IsSpecial(token)) {
    AddHidden(token);
  } else {
    Give(stops_.Push(decoder_->Add(token)));
  }
}

void TextOutput::AddApart(int32_t token) {
  if (!decoder_ || stops_.stopped()) return;
  Give(stops_.Flush());
  if (!tokenizer_->IsSpecial(token)) Give(decoder_->Add(token));
}

void TextOutput::AddStopToken(int32_t token) {
  if (!decoder_) return;
  Give(stops_.Push(decoder_->Finish()));
  AddHidden(token);
}

// A token whose text is none of the output's, but may be part of a stop string.
void TextOutput::AddHidden(int32_t token) {
  const std::string_view bytes = tokenizer_->TokenBytes(token);
  Give(stops_.PushHidden({bytes.data(), bytes.size()}));
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
