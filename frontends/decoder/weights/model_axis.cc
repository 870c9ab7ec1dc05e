#include "frontends/decoder/weights/model_axis.h"

#include <cstdint>
#include <string>
#include <utility>

#include "glog/logging.h"

namespace lluda::frontends::decoder {

ir::Axis ModelAxis(const Decoder& decoder, absl::string_view name) {
  const Experts experts = decoder.experts.value_or(Experts());
  const std::pair<absl::string_view, int64_t> sizes[] = {
      {"vocab", decoder.vocab_size},
      {"hid", decoder.hidden_size},
      {"ff", decoder.intermediate_size},
      {"q", decoder.query_size()},
      {"kd", decoder.key_value_size()},
      {"vd", decoder.key_value_size()},
      {"qkv", decoder.query_size() + 2 * decoder.key_value_size()},
      {"gu", 2 * decoder.intermediate_size},
      {"expert", experts.count},
      {"top", experts.top},
      {"xf", experts.intermediate_size},
      {"sf", experts.shared_size},
      {"one", 1},
      {"kv", decoder.num_key_value_heads},
      {"rep", decoder.num_attention_heads / decoder.num_key_value_heads},
      {"dim", decoder.head_dim},
      {"pair", decoder.rotated_dim() / 2},
      {"rest", decoder.head_dim - decoder.rotated_dim()},
  };
  for (const auto& [axis, size] : sizes) {
    if (axis == name) return {std::string(name), ir::Extent::Constant(size)};
  }
  LOG(FATAL) << "the model has no axis " << name;
}

}  // namespace lluda::frontends::decoder
