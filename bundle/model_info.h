// What a bundle tells of the model in it, beside what is run.
//
//   bundle->model().name        // "Qwen3-0.6B"
//   bundle->model().context     // 4096
#ifndef LLUDA_BUNDLE_MODEL_INFO_H_
#define LLUDA_BUNDLE_MODEL_INFO_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "frontends/chosen_weights.h"
#include "frontends/generation_config.h"
#include "frontends/tokenizer/chat_format.h"

namespace lluda::bundle {

// How features of sounds are made (media/log_mel.h), in samples.
struct SoundInfo {
  int64_t sample_rate = 0;  // a second
  int64_t frame_samples = 0;
  int64_t frame_step = 0;
};

struct ModelInfo {
  std::string name;       // of the folder it was compiled from
  std::string precision;  // "bf16" or "f32"
  std::string kv_cache;   // what it holds: "bf16", "f32" or "int8"
  std::string result;     // what a step gives: "logits" or "hidden"
  int64_t context = 0;    // the most tokens a session can hold
  int64_t max_step = 0;   // the most tokens computed at a time
  frontends::GenerationConfig generation;
  std::string chat_template_problem;  // why it cannot be chatted with; empty: it can
  tokenizer::ChatFormat chat;         // how conversations are written, if they can be
  int64_t source_weight_bytes = 0;    // of the checkpoint
  std::optional<SoundInfo> sound;     // of a model that hears
  std::shared_ptr<const frontends::ChosenWeights>
      chosen;  // null: weights were not chosen by a budget
};

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_MODEL_INFO_H_
