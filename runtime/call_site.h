// Which statement of a module a call computes. A layer's statements have one call per layer; what
// is told of a statement is told once.
//
//   const CallSite site{"attn", 3, "qkv"};   // %qkv of @attn for layer 3
//   ToString(site);                          // "attn[3].qkv"
//   StatementOf(site);                       // "attn.qkv"
#ifndef LLUDA_RUNTIME_CALL_SITE_H_
#define LLUDA_RUNTIME_CALL_SITE_H_

#include <cstdint>
#include <string>

namespace lluda::runtime {

struct CallSite {
  std::string function;   // "attn", "step"; "load" for the load block
  int64_t index = -1;     // of the layer; -1 for what there is once
  std::string statement;  // the value, "qkv"; in the load block the global, "wqkv"

  bool operator==(const CallSite& o) const {
    return function == o.function && index == o.index && statement == o.statement;
  }
};

// The same for all layers: "attn.qkv", "load.wqkv".
std::string StatementOf(const CallSite& site);

// "attn[3].qkv", "step.x0". In the load block it is the global that has an index: "load.wqkv[3]".
std::string ToString(const CallSite& site);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_CALL_SITE_H_
