// What those who write a model's functions and those who run them have to agree on: names. The
// importer writes this function, sessions call it:
//
//   func @step(%tokens: i32 tok[T], %pos: i32 tok[T], %slot: i32 tok[T], %rows: i32 row[R])
//       -> f32 row[R] vocab[151936]
//
// T tokens are computed, each of a position in the sequence of a slot, and R rows of them get
// logits. States have the axes slot[S] and pos[C].
//
// Example:
//   program.FindEntry(step_interface::kStep)->inputs[0] == step_interface::kTokens
#ifndef LLUDA_BASE_STEP_INTERFACE_H_
#define LLUDA_BASE_STEP_INTERFACE_H_

namespace lluda::step_interface {

// Lists of calls. The load block makes packed weights of a checkpoint's and runs once; the entries
// are functions that are run from outside. Other functions are there to be called by them.
inline constexpr char kLoad[] = "load";
inline constexpr char kStep[] = "step";
inline constexpr const char* kEntries[] = {kStep};

// Symbols.
inline constexpr char kTokenCount[] = "T";
inline constexpr char kRowCount[] = "R";
inline constexpr char kSlotCount[] = "S";
inline constexpr char kCapacity[] = "C";  // positions that a slot has room for
inline constexpr const char* kSymbols[] = {kTokenCount, kRowCount, kSlotCount, kCapacity};

// The step's inputs, all i32.
inline constexpr char kTokens[] = "tokens";
inline constexpr char kPositions[] = "pos";  // of each token in its sequence
inline constexpr char kSlots[] = "slot";     // which sequence each token is of
inline constexpr char kRows[] = "rows";      // which tokens' logits are wanted
inline constexpr const char* kInputs[] = {kTokens, kPositions, kSlots, kRows};

// Axes: of the inputs, and of states.
inline constexpr char kTokenAxis[] = "tok";
inline constexpr char kRowAxis[] = "row";
inline constexpr char kSlotAxis[] = "slot";
inline constexpr char kPositionAxis[] = "pos";

// States with recorded activations are named by this and the activation: "act_q_proj".
inline constexpr char kActivationPrefix[] = "act_";

}  // namespace lluda::step_interface

#endif  // LLUDA_BASE_STEP_INTERFACE_H_
