// All families' rows, each defined in a file of its own.
#ifndef LLUDA_FRONTENDS_FAMILIES_ROWS_ROWS_H_
#define LLUDA_FRONTENDS_FAMILIES_ROWS_ROWS_H_

#include "frontends/families/family.h"

namespace lluda::frontends::families {

extern const Family kGemma2;
extern const Family kGemma3;
extern const Family kGemma3Text;
extern const Family kGranite;
extern const Family kLlama;
extern const Family kMistral;
extern const Family kMixtral;
extern const Family kOlmo2;
extern const Family kPhi3;
extern const Family kQwen2;
extern const Family kQwen2Moe;
extern const Family kQwen3;
extern const Family kQwen3Asr;
extern const Family kQwen3AsrText;
extern const Family kQwen3AsrThinker;
extern const Family kQwen3Moe;
extern const Family kSmolLm3;

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_ROWS_ROWS_H_
