// The tables of methods by receiver.
#ifndef LLUDA_FRONTENDS_JINJA_BUILTINS_METHOD_TABLES_H_
#define LLUDA_FRONTENDS_JINJA_BUILTINS_METHOD_TABLES_H_

#include <string_view>

#include "frontends/jinja/builtins/builtin.h"

namespace lluda::jinja {

// nullptr if texts have no such method here.
const MethodRow* FindStringMethod(std::string_view name);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_BUILTINS_METHOD_TABLES_H_
