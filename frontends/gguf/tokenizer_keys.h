// The keys that a GGUF file's tokenizer and chat templates are under, and the kinds of its tokens.
#ifndef LLUDA_FRONTENDS_GGUF_TOKENIZER_KEYS_H_
#define LLUDA_FRONTENDS_GGUF_TOKENIZER_KEYS_H_

#include <cstdint>

namespace lluda::frontends::gguf {

inline constexpr char kModel[] = "tokenizer.ggml.model";
inline constexpr char kPre[] = "tokenizer.ggml.pre";
inline constexpr char kTokens[] = "tokenizer.ggml.tokens";
inline constexpr char kTypes[] = "tokenizer.ggml.token_type";
inline constexpr char kScores[] = "tokenizer.ggml.scores";
inline constexpr char kMerges[] = "tokenizer.ggml.merges";
inline constexpr char kAddBos[] = "tokenizer.ggml.add_bos_token";
inline constexpr char kAddEos[] = "tokenizer.ggml.add_eos_token";
inline constexpr char kSpacePrefix[] = "tokenizer.ggml.add_space_prefix";
inline constexpr char kUnknownId[] = "tokenizer.ggml.unknown_token_id";
inline constexpr char kBosId[] = "tokenizer.ggml.bos_token_id";
inline constexpr char kEosId[] = "tokenizer.ggml.eos_token_id";
inline constexpr char kEotId[] = "tokenizer.ggml.eot_token_id";
inline constexpr char kEomId[] = "tokenizer.ggml.eom_token_id";
inline constexpr char kPaddingId[] = "tokenizer.ggml.padding_token_id";
inline constexpr char kSeparatorId[] = "tokenizer.ggml.seperator_token_id";
inline constexpr char kMaskId[] = "tokenizer.ggml.mask_token_id";
// All that give the id of a token.
inline constexpr const char* kIdKeys[] = {kUnknownId, kBosId,     kEosId,       kEotId,
                                          kEomId,     kPaddingId, kSeparatorId, kMaskId};
inline constexpr char kTemplate[] = "tokenizer.chat_template";
inline constexpr char kTemplateNames[] = "tokenizer.chat_templates";

// The kinds of tokens that token_type has numbers for.
inline constexpr int64_t kNormal = 1;
inline constexpr int64_t kUnknown = 2;
inline constexpr int64_t kControl = 3;
inline constexpr int64_t kUserDefined = 4;
inline constexpr int64_t kUnused = 5;
inline constexpr int64_t kByte = 6;
inline constexpr int64_t kLastType = kByte;

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_TOKENIZER_KEYS_H_
