// How far from transformers' float32 run a result may be: bounds of the NMSE.
//
//   double bound = ActivationBound(engine::Precision::kBF16, /*hf_bf16_nmse=*/3e-4);  // 1.5e-4
//
// `hf_bf16_nmse` is how far transformers' own bf16 run is from its float32 run in the same result,
// nullopt if the reference does not tell.
#ifndef LLUDA_TOOLS_VALIDATE_BOUNDS_H_
#define LLUDA_TOOLS_VALIDATE_BOUNDS_H_

#include <optional>

#include "engine/source/model_files.h"

namespace lluda::tools {

// What a bf16 run may be off whatever transformers' own error; a f32 run, kF32Nmse.
inline constexpr double kBf16Nmse = 1.2e-4;
inline constexpr double kF32Nmse = 1e-9;

// Of one rounding to bf16, which keeps 8 significant bits: of a value in [1, 2) it is off by up to
// 2^-8, evenly distributed, so by 2^-16 / 3 in the mean square, and the mean square of such values
// is 7 / 3.
inline constexpr double kBf16RoundingNmse = 1.0 / 65536 / 7;

// What a KV cache of int8 may add to either. A single row of numbers is off by about 4e-5, as much
// as twenty roundings to bf16; what layers make of it is measured in docs/numerics.md.
inline constexpr double kInt8CacheNmse = 1e-3;

// What the rows that an encoder makes of a sound may be off in f32. Logits do not see a wrong GELU or a
// wrong eps in it at kF32Nmse.
inline constexpr double kF32HeardNmse = 1e-11;

// In bf16 half of transformers' own error, and kBf16Nmse at most; with a cache of int8
// kInt8CacheNmse more.
double LogitsBound(engine::Precision precision, std::optional<double> hf_bf16_nmse,
                   engine::KvCache kv_cache = engine::KvCache::kPrecision);

// In bf16 half of transformers' own error, whatever that is, but not less than what two roundings
// to bf16 give; kBf16Nmse if the reference does not tell. Two roundings, because the numerics ask
// for them: of a matmul's input, and of what the KV cache holds. After a few operations
// transformers has rounded only three or four times, and half of that may be less. With a cache of
// int8 kInt8CacheNmse more.
double ActivationBound(engine::Precision precision, std::optional<double> hf_bf16_nmse,
                       engine::KvCache kv_cache = engine::KvCache::kPrecision);

// Of the rows that an encoder makes of a sound: kF32HeardNmse, in bf16 as ActivationBound.
double HeardBound(engine::Precision precision, std::optional<double> hf_bf16_nmse);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VALIDATE_BOUNDS_H_
