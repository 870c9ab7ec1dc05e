// For tests: every epilogue that the table of steps allows.
#ifndef LLUDA_IR_OP_ALL_EPILOGUES_H_
#define LLUDA_IR_OP_ALL_EPILOGUES_H_

#include <vector>

#include "ir/op/epilogue.h"

namespace lluda::ir {

// All lists of one step or more in which each step may stand behind those before it.
std::vector<Epilogue> AllEpilogues();

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_ALL_EPILOGUES_H_
