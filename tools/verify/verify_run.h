// A short run of a module in the interpreter, with the result of every statement: what
// `lluda verify` compares passes and kernels by.
//
//   VerifyRun run{weights, /*loaded=*/{}, {{tokens of the prompt}, {one more}}};
//   Interpret(module, run, [](const ValueKey& key, const ir::Op& op, const ir::Tensor& result) ...
//   // of layer 3, in the second step: key {1, "attn", 3, "qkv", 0}
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_RUN_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "base/step_interface.h"
#include "ir/graph.h"
#include "ir/interpreter/interpreter.h"
#include "ir/interpreter/tensor.h"

namespace lluda::tools {

struct VerifyRun {
  std::function<absl::StatusOr<ir::Tensor>(const ir::Global& weight, int64_t index)> weights;
  // Of what the load block would define, if it shall not run.
  std::function<absl::StatusOr<ir::Tensor>(const ir::Global& global, int64_t index)> loaded = {};
  // The tokens of each step, one after the other from the beginning of a sequence.
  std::vector<std::vector<int64_t>> steps;
  // Another entry than the step, which is run once on these arguments; `steps` is empty then.
  std::string entry = step_interface::kStep;
  std::vector<ir::Tensor> arguments = {};
};

// Which result: step (-1: the load block), function ("load"), its index, the statement, and how
// often this one was computed before: in a loop.
using ValueKey = std::tuple<int, std::string, int64_t, std::string, int64_t>;
using Values = std::map<ValueKey, ir::Tensor>;

// "@attn[0] %q3 in step 0", or "load[0] wq_q4_0".
std::string PlaceText(const ValueKey& key);

// What was found to be wrong first.
struct Finding {
  std::string culprit;  // "pass fuse-rope (#4)", "kernel matmul_..._16"
  std::string func, statement;
  int64_t index = 0;
  int step = 0;
  double nmse = 0;
  double bound = 0;
  std::string difference;  // said in place of the two where it is none of numbers
  std::string note;        // lines that explain it; may be empty
  std::string repro;       // the text of a module that has the fault and little else; may be empty
};

// "pass fuse-rope (#4): @attn[0] %q3 in step 0: NMSE 1.2e+00, at most 1.0e-09", then the note.
std::string FindingText(const Finding& finding);

// The symbols that no argument fixes, at their smallest; the cache's length C as many times that as
// the run's tokens need.
std::map<std::string, int64_t> StateSymbols(const ir::Module& module, const VerifyRun& run);
// Reproducible tokens of a run: so many, and in a second step one more.
std::vector<std::vector<int64_t>> StepTokens(int64_t tokens, int64_t vocabulary);
// Makes it a run of another entry than the step, on arguments that are made up
// (tools/inspect/entry_arguments.h): `rows` rows of sound, where the entry takes a number of them.
// InvalidArgument for more rows than it takes.
absl::Status RunEntry(const ir::Module& module, const std::string& entry, int64_t rows,
                      VerifyRun* run);
// How often the run's entry is run.
size_t TimesOf(const VerifyRun& run);
// The arguments of the entry for one of these times. Of the step the last token's logits are wanted;
// where it takes media, there are none.
std::vector<ir::Tensor> ArgumentsOf(const ir::Module& module, const VerifyRun& run, size_t step);

// Calls see(key, op, result) for each statement's result in the order they are computed, load block
// included; calls and loops, whose results are those of statements in them, are left out. An error
// of `see` ends the run. The logits of each step, or what another entry returns.
using SeeValue =
    std::function<absl::Status(const ValueKey& key, const ir::Op& op, const ir::Tensor& result)>;
absl::StatusOr<std::vector<ir::Tensor>> Interpret(const ir::Module& module, const VerifyRun& run,
                                                  const SeeValue& see);

// The logits after the run's last step, or what another entry returns.
absl::StatusOr<ir::Tensor> InterpretLast(const ir::Module& module, const VerifyRun& run);

// ||a - b||^2 / ||b||^2 of two tensors with as many elements, rounded to the coarser of the two
// dtypes. Equal infinities are no difference; infinity for what cannot be compared.
double ErrorOf(const ir::Tensor& a, const ir::Tensor& b);

// The module's layers: how often that of its indexed functions is there which is most often; 1 if
// none is.
int64_t LayersOf(const ir::Module& module);
// Cuts the model, each of its entries, down to its first `count` layers, or so many of each kind that
// has functions of its own: they are all alike. The last of them computes rows where the last one did.
void KeepLayers(int64_t count, ir::Module* module);
// The same of a module whose layers keep their numbers, and with them what a bundle has for them: loops
// over layers end after `count` rounds, and calls of further layers are left out, but for that of the last
// one where it computes some rows alone.
void KeepRounds(int64_t count, ir::Module* module);

// Whether it calls what peel-last-layer makes of a layer's function: for rows, and not for all tokens.
bool CallsForRows(const ir::Op& op);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_RUN_H_
