// An object file linked into a block of bytes that runs wherever it is mapped: constants first,
// then, from a page's start, machine code. What a bundle stores, so that loading it takes no
// linker.
//
//   auto image = LinkImage(object, {"rmsnorm_f32_bf16_1024"});
//   // map image->bytes, make those from code_offset on executable, call at entries[0]
#ifndef LLUDA_CODEGEN_LLVM_IMAGE_H_
#define LLUDA_CODEGEN_LLVM_IMAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::codegen {

struct Image {
  std::string bytes;
  int64_t code_offset = 0;       // a multiple of 4096
  std::vector<int64_t> entries;  // where each of the wanted functions starts in `bytes`
};

// Links the functions `names` of a relocatable ELF file, and what they need, without the rest.
// Internal, naming it, for a symbol that the object does not define, and for a reference that
// would depend on where the image lies.
absl::StatusOr<Image> LinkImage(absl::string_view object, const std::vector<std::string>& names);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_IMAGE_H_
