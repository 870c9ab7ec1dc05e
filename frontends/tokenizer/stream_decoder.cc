#include "frontends/tokenizer/stream_decoder.h"

#include <string_view>
#include <utility>

#include "base/utf8.h"

namespace lluda::tokenizer {

std::string StreamDecoder::Add(int32_t id) {
  if (skip_special_ && tokenizer_->IsSpecial(id)) return "";
  pending_.append(tokenizer_->TokenBytes(id));
  const size_t complete = base::CompleteUtf8Prefix(pending_);
  std::string text = base::ReplaceInvalidUtf8(std::string_view(pending_).substr(0, complete));
  pending_.erase(0, complete);
  return text;
}

std::string StreamDecoder::Finish() {
  std::string text = base::ReplaceInvalidUtf8(pending_);
  pending_.clear();
  return text;
}

}  // namespace lluda::tokenizer
