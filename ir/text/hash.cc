#include "ir/text/hash.h"

#include "absl/strings/string_view.h"
#include "ir/text/printer.h"

namespace lluda::ir {
namespace {

// FNV-1a, 64 bits (draft-eastlake-fnv).
uint64_t Fnv1a(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

// The structural text is complete, so comparing it compares the modules, and a part that is added
// to the text later is compared from then on.
bool Equal(const Module& a, const Module& b) {
  return PrintModule(a, PrintStyle::kStructural) == PrintModule(b, PrintStyle::kStructural);
}

bool Equal(const Func& a, const Func& b) {
  return PrintFunc(a, PrintStyle::kStructural) == PrintFunc(b, PrintStyle::kStructural);
}

uint64_t StructuralHash(const Module& module) {
  return Fnv1a(PrintModule(module, PrintStyle::kStructural));
}

uint64_t StructuralHash(const Func& func) {
  return Fnv1a(PrintFunc(func, PrintStyle::kStructural));
}

}  // namespace lluda::ir
