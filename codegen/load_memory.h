// Where the load block's values lie that are no globals: what is read a few calls later and never again.
//
// Each has a place in the memory of globals that are defined behind its last use, where they have room
// for it, else behind all of them, beside those that live at the same time.
//
// Example: a matrix of 8 MB is quantised to 2 MB, which is packed to as many, before 20 others are. The
// 2 MB lie where one of the others will be packed to, and take no memory of their own.
#ifndef LLUDA_CODEGEN_LOAD_MEMORY_H_
#define LLUDA_CODEGEN_LOAD_MEMORY_H_

#include <cstdint>
#include <vector>

#include "runtime/program.h"

namespace lluda::codegen {

// A range of the loaded memory, whole cache lines.
struct LoadedRange {
  int64_t offset = 0;
  int64_t bytes = 0;

  int64_t end() const { return offset + bytes; }
};

// `globals` are all copies of the loaded globals, one behind the other from 0 on; `values` lie behind
// them, likewise, where the calls of `load` have them so far. Gives each value its place in the calls,
// and returns where the memory ends.
int64_t PlaceLoadValues(const std::vector<LoadedRange>& globals,
                        const std::vector<LoadedRange>& values, std::vector<runtime::Call>* load);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LOAD_MEMORY_H_
