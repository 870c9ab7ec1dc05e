// The axes that a decoder's weights and values have, by their names.
//
// Example:
//   ModelAxis(decoder, "hid")   // hid[1024], where hidden_size is 1024
//   ModelAxis(decoder, "kd")    // kd[1024], the keys of 8 heads of 128
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_MODEL_AXIS_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_MODEL_AXIS_H_

#include "absl/strings/string_view.h"
#include "frontends/decoder/description/description.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The axis of that name. There has to be one.
ir::Axis ModelAxis(const Decoder& decoder, absl::string_view name);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_MODEL_AXIS_H_
