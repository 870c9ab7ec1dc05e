#include "codegen/emit/op_emitter.h"

#include "absl/strings/str_cat.h"

namespace lluda::codegen {

absl::Status NoKernel(const KernelSpec& spec, absl::string_view reason) {
  return absl::UnimplementedError(absl::StrCat("no kernel for ", KeyOf(spec), ": ", reason));
}

}  // namespace lluda::codegen
