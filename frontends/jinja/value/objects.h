// The values that only the renderer makes: macros, methods of a value, and the variable `loop`.
#ifndef LLUDA_FRONTENDS_JINJA_VALUE_OBJECTS_H_
#define LLUDA_FRONTENDS_JINJA_VALUE_OBJECTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "frontends/jinja/value/value.h"

namespace lluda::jinja {

struct Stmt;
struct MethodRow;

struct Macro {
  const Stmt* definition = nullptr;
  Scope* scope = nullptr;  // where it was defined
};

// `text.strip`, not called yet.
struct Method {
  Value receiver;
  const MethodRow* row = nullptr;
};

// The variable `loop`.
struct LoopState {
  std::vector<Value> items;
  int64_t index = 0;  // of the round
  int64_t depth = 0;
  std::optional<std::vector<Value>> last_changed;  // what loop.changed was called with
};

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_VALUE_OBJECTS_H_
