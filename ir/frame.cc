#include "ir/frame.h"

#include <algorithm>

#include "base/align.h"
#include "glog/logging.h"
#include "ir/type/layout.h"

namespace lluda::ir {

int64_t MaxByteSize(const Type& type, const Module& module) {
  return ByteSize(type, [&](absl::string_view name) {
    const Symbol* symbol = module.FindSymbol(name);
    CHECK(symbol != nullptr) << "undeclared symbol " << name << " in a verified module";
    return symbol->max;
  });
}

int64_t FrameBytes(const Func& func) {
  int64_t end = 0;
  ForEachOp(func.body, [&](const Op* op) {
    if (!op->frame_offset) return;
    end = std::max(end, *op->frame_offset + MaxByteSize(op->result_type(), *func.module()));
  });
  return base::RoundUp(end, kFrameAlignment);
}

}  // namespace lluda::ir
