#include "tools/verify/bundle_weights.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ir/type/layout.h"
#include "ir/view.h"
#include "tools/inspect/pass_history.h"
#include "tools/verify/placed_value.h"

namespace lluda::tools {

BundleWeights::BundleWeights(const ir::Module& module, const runtime::Program& program,
                             absl::string_view bytes)
    : bytes_(bytes) {
  const std::map<std::string, const ir::Op*> statements = StatementsByName(module);
  // `buffers` are those of the part.
  const auto read = [&](const runtime::CallPart& part, const runtime::BufferRef* buffers) {
    const ir::Op& op = *statements.at(StatementOf(part.site));
    for (int i = 0; i < op.operand_count(); ++i) {
      const ir::Access access = ir::ResolveAccess(op.operand(i));
      const ir::Global* global = access.base.global;
      if (global == nullptr || buffers[i].space != runtime::Space::kLoaded) continue;
      const int64_t index = global->index ? std::max<int64_t>(part.site.index, 0) : 0;
      offsets_[{global->name, index}] =
          buffers[i].offset - ir::BytesOf(access.dtype, access.offset);
    }
  };
  for (const runtime::Entry& entry : program.entries) {
    for (const runtime::Call& call : entry.calls) {
      const runtime::BufferRef* buffers = call.buffers.data();
      for (const runtime::CallPart& part : runtime::PartsOf(call)) {
        read(part, buffers);
        buffers += part.buffers;
      }
    }
  }
}

absl::StatusOr<ir::Tensor> BundleWeights::Read(const ir::Global& global, int64_t index) const {
  const auto it = offsets_.find({global.name, index});
  if (it == offsets_.end()) {
    return absl::NotFoundError(absl::StrCat("no call reads @", global.name, "[", index, "]"));
  }
  const bool is_constant =
      std::all_of(global.type.axes.begin(), global.type.axes.end(),
                  [](const ir::Axis& axis) { return axis.extent.is_constant(); });
  const auto size = static_cast<int64_t>(bytes_.size());
  if (!is_constant || it->second < 0 || ir::ByteSize(global.type, nullptr) > size - it->second) {
    return absl::InvalidArgumentError(
        absl::StrCat("@", global.name, " lies outside the bundle's weights"));
  }
  return ReadPlaced(global.type, {global.type.layout}, bytes_.data() + it->second);
}

}  // namespace lluda::tools
