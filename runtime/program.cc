#include "runtime/program.h"

#include "glog/logging.h"

namespace lluda::runtime {

const Entry* Program::FindEntry(absl::string_view name) const {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

const Entry& Program::entry(absl::string_view name) const {
  const Entry* found = FindEntry(name);
  CHECK(found != nullptr) << "the program has no entry " << name;
  return *found;
}

}  // namespace lluda::runtime
